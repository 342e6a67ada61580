import Foundation
import Testing

@testable import Forwarding

/// tshark decodes every message without a complaint, and to the same values.
@Suite("Flow export: tshark", .enabled(if: ExportPrograms.tshark))
struct FlowExportTsharkTests {
  static func messages(_ settings: FlowExportSettings, seed: UInt64) throws -> [[UInt8]] {
    let receiver = try DatagramReceiver()
    var settings = settings
    settings.port = receiver.port
    let target = FlowExportTarget(settings)
    try target.open()
    var random = ExportRandom(seed)
    var messages: [[UInt8]] = []
    for batch in 0..<4 {
      let records = try (0..<80).map { index in
        try ExportSample.random(UInt64(batch * 80 + index + 1), now: ExportClock.now, &random)
          .record()
      }
      _ = try target.deliver(records, interruption: Interruption())
      messages += receiver.messages()
    }
    return messages
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var exportProtocol: FlowExportProtocol
    var isBiflow = false
    var sendsOptions = true

    var testDescription: String {
      "\(exportProtocol)\(isBiflow ? ", biflow" : "")\(sendsOptions ? ", options" : "")"
    }
  }

  @Test(
    "no complaint, and the values of the records",
    arguments: [
      Case(exportProtocol: .netflow9), Case(exportProtocol: .ipfix),
      Case(exportProtocol: .ipfix, sendsOptions: false),
      Case(exportProtocol: .ipfix, isBiflow: true),
    ])
  func decodes(_ kind: Case) throws {
    var settings = FlowExportSettings(kind.exportProtocol, host: "127.0.0.1", port: 1)
    settings.isBiflow = kind.isBiflow
    settings.sendsOptions = kind.sendsOptions
    settings.templateMessages = 9
    let messages = try Self.messages(settings, seed: 3)
    let folder = try ExportFolder()
    let capture = folder.file("export.pcap")
    try ExportCapture.write(messages, port: 2055, to: capture)
    let decodeAs = ["-r", capture, "-d", "udp.port==2055,cflow"]

    let complaints = try ExportChild.output(
      "tshark", decodeAs + ["-Y", "_ws.expert || _ws.malformed", "-V"], folder)
    // The log has a line of tshark's own where it runs as root, and none of a packet.
    #expect(!complaints.contains("Frame "), "\(complaints.suffix(2000))")

    var decoder = ExportDecoder(isIPFIX: kind.exportProtocol == .ipfix)
    for message in messages { try decoder.decode(message) }
    let address = { (bytes: [UInt8]) in ExpectedRecord.address(bytes) }
    let number = { (bytes: [UInt8]) in String(bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }) }
    let fields: [(name: String, id: UInt16, text: ([UInt8]) -> String)] = [
      ("cflow.srcaddr", 8, address), ("cflow.srcaddrv6", 27, address),
      ("cflow.dstaddr", 12, address), ("cflow.dstaddrv6", 28, address),
      ("cflow.srcport", 7, number), ("cflow.dstport", 11, number), ("cflow.protocol", 4, number),
      ("cflow.octets", 1, number), ("cflow.packets", 2, number), ("cflow.flow_id", 148, number),
      ("cflow.flow_end_reason", 136, number), ("cflow.vlanid", 58, number),
      ("cflow.inputint", 10, number),
    ]
    let text = try ExportChild.output(
      "tshark",
      decodeAs + ["-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]
        + fields.flatMap { ["-e", $0.name] }, folder)
    var columns = [[String]](repeating: [], count: fields.count)
    for line in text.split(separator: "\n") where line.contains("|") {
      for (index, part) in line.split(separator: "|", omittingEmptySubsequences: false).enumerated()
      {
        columns[index] += part.split(separator: ",").map(String.init)
      }
    }
    for (index, field) in fields.enumerated() {
      // In options an interface's number is the scope. A reverse element, which comes first, has
      // the same name.
      let records = field.id == 10 ? decoder.records : decoder.flows
      let due = records.flatMap { record in
        [record.bytes(field.id, 29_305), record.bytes(field.id)].compactMap { $0.map(field.text) }
      }
      #expect(!due.isEmpty)
      #expect(columns[index] == due, "\(field.name)")
    }
  }
}
