import Foundation
import Testing

@testable import Forwarding

/// A second collector: pmacct's nfacctd.
@Suite("Flow export: nfacctd", .enabled(if: ExportPrograms.pmacct))
struct FlowExportPmacctTests {
  private struct Printed: Decodable {
    var source: String
    var destination: String
    var sourcePort: UInt16
    var destinationPort: UInt16
    var vlan: UInt16
    var tos: UInt8
    var tcpFlags: String
    var packets: UInt64
    var bytes: UInt64
    var start: String
    var end: String

    enum CodingKeys: String, CodingKey {
      case source = "ip_src"
      case destination = "ip_dst"
      case sourcePort = "port_src"
      case destinationPort = "port_dst"
      case vlan, tos
      case tcpFlags = "tcp_flags"
      case packets, bytes
      case start = "timestamp_start"
      case end = "timestamp_end"
    }
  }

  @Test("each record", arguments: [FlowExportProtocol.netflow9, .ipfix])
  func each(_ exportProtocol: FlowExportProtocol) throws {
    let folder = try ExportFolder()
    let port = try DatagramReceiver.freePort()
    let output = folder.file("flows.json")
    try """
    daemonize: false
    nfacctd_ip: 127.0.0.1
    nfacctd_port: \(port)
    nfacctd_time_new: false
    plugins: print[a]
    aggregate[a]: src_host,dst_host,src_port,dst_port,proto,tcpflags,timestamp_start,timestamp_end,vlan,tos
    print_output_file[a]: \(output)
    print_output_file_append[a]: true
    print_output[a]: json
    print_refresh_time[a]: 1
    timestamps_utc: true
    """.write(toFile: folder.file("nfacctd.conf"), atomically: true, encoding: .utf8)
    let program = try ExportChild(
      "nfacctd", ["-f", folder.file("nfacctd.conf")], log: folder.file("log"))
    try awaitExport("nfacctd begins: \(program.output)") {
      program.output.contains("waiting for NetFlow/IPFIX data")
    }
    let target = FlowExportTarget(
      FlowExportSettings(exportProtocol, host: "127.0.0.1", port: port))
    try target.open()
    var random = ExportRandom(5)
    let samples = (1...300).map { ExportSample.random($0, now: ExportClock.now, &random) }
    for start in stride(from: 0, to: samples.count, by: 30) {
      _ = try target.deliver(
        samples[start..<start + 30].map { try $0.record() }, interruption: Interruption())
      try awaitExport("nfacctd reads its socket") { try UDPQueue.waiting(port) == 0 }
    }
    let due = samples.flatMap { ExpectedRecord.of($0) }
    // Its plug-in writes what it has once a second; what is still on its way there when it is
    // interrupted, it does not always write.
    var text = ""
    try awaitExport("nfacctd writes \(due.count) records: \(program.output.suffix(1000))") {
      text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
      return text.hasSuffix("\n") && text.split(separator: "\n").count >= due.count
    }
    kill(program.process, SIGINT)
    program.waitForEnd()
    #expect(!program.output.contains("malformed"), "\(program.output.suffix(1000))")
    let printed = try text.split(separator: "\n").map { line in
      try JSONDecoder().decode(Printed.self, from: Data(line.utf8))
    }
    #expect(printed.count == due.count)
    // It reckons times by uptime in whole seconds, rounded up or down.
    let places = exportProtocol == .ipfix ? 23 : 0
    #expect(Set(printed.map { Self.line($0, places) }) == Set(due.map { Self.line($0, places) }))
  }

  private static func line(_ record: Printed, _ places: Int) -> String {
    "\(ExpectedRecord.normal(record.source)) \(record.sourcePort) "
      + "\(ExpectedRecord.normal(record.destination)) \(record.destinationPort) \(record.vlan) \(record.tos) "
      + "\(record.tcpFlags) \(record.packets) \(record.bytes) \(record.start.prefix(places)) "
      + record.end.prefix(places)
  }

  private static func line(_ record: ExpectedRecord, _ places: Int) -> String {
    "\(record.source) \(record.sourcePort) \(record.destination) \(record.destinationPort) "
      + "\(record.vlan) \(record.typeOfService) \(record.flags) \(record.packets) \(record.octets) "
      + "\(time(record.start).prefix(places)) \(time(record.end).prefix(places))"
  }

  private static func time(_ milliseconds: Int64) -> String {
    ExportSample.time(milliseconds * 1_000_000).replacing("T", with: " ").replacing(
      "+0000", with: "")
  }
}
