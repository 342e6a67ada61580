import CBurst
import FlowEngine
import Foundation
import Ports
import Testing

@testable import Dissection

/// What is recorded of a conversation does not depend on how its bytes were cut into segments: real
/// conversations out of the public captures, sent again in pieces of other sizes.
@Suite(.enabled(if: PublicCaptures.areHere))
struct SegmentationTests {
  /// What one side said until the other one spoke.
  private struct Turn {
    var toServer: Bool
    var bytes: [UInt8]
  }

  private struct Conversation {
    var serverPort: Int
    var turns: [Turn]
  }

  /// Captures of each protocol over TCP, by a word in their names.
  private static let words = [
    "http", "tls", "ssl", "ssh", "smtp", "ftp", "imap", "pop3", "telnet", "dns", "sip", "mqtt",
    "smb",
    "rdp", "ldap", "kerberos", "modbus", "dnp3",
  ]

  @Test(arguments: words)
  func piecesOfAnySize(_ word: String) throws {
    try expectTheSame(word, DissectionSettings())
  }

  /// Nor where bodies and mails are looked into.
  @Test(arguments: ["http2", "smtp", "imap", "pop3"])
  func piecesOfFiles(_ word: String) throws {
    var settings = DissectionSettings()
    settings.hashesFiles = true
    try expectTheSame(word, settings)
  }

  private func expectTheSame(_ word: String, _ settings: DissectionSettings) throws {
    for conversation in try Self.conversations(word) {
      let whole = Self.records(conversation, size: 60_000, settings)
      for size in [1, 2, 7, 536] {
        // Byte by byte long ones take long, and say nothing that shorter ones do not.
        let length = conversation.turns.reduce(0) { $0 + $1.bytes.count }
        if size < 7 && length > 20_000 { continue }
        let pieces = Self.records(conversation, size: size, settings)
        if pieces != whole {
          let different = zip(pieces, whole).first { $0 != $1 }
          Issue.record(
            """
            port \(conversation.serverPort), pieces of \(size): \(pieces.count) records for \
            \(whole.count); \(different?.0 ?? pieces.last ?? "") instead of \
            \(different?.1 ?? whole.last ?? "")
            """)
          break
        }
      }
    }
  }

  /// Nor does it where nobody looks further than so many bytes: a segment that goes beyond them is looked at
  /// up to there.
  @Test(arguments: ["http", "tls", "smtp", "imap", "dns"], [100, 1000])
  func piecesAtADepth(_ word: String, _ depth: Int) throws {
    var settings = DissectionSettings()
    settings.depths = AppProtocol.allCases.map {
      DissectionDepth(proto: $0, toServer: UInt64(depth), toClient: UInt64(depth))
    }
    var general = DissectionSettings()
    general.depthBytes = UInt64(depth)
    for conversation in try Self.conversations(word).prefix(8) {
      for settings in [settings, general] {
        let whole = Self.records(conversation, size: 60_000, settings)
        for size in [7, 536] {
          let pieces = Self.records(conversation, size: size, settings)
          if pieces == whole { continue }
          let different = zip(pieces, whole).first { $0 != $1 }
          Issue.record(
            """
            port \(conversation.serverPort), pieces of \(size): \(pieces.count) records for \
            \(whole.count); \(different?.0 ?? pieces.last ?? "") instead of \
            \(different?.1 ?? whole.last ?? "")
            """)
          break
        }
      }
    }
  }

  /// The records in the order in which they were made, without what hangs on time and packets.
  private static func records(
    _ conversation: Conversation, size: Int, _ settings: DissectionSettings = DissectionSettings()
  ) -> [String] {
    let bed = DissectionBed(settings)
    let wire = Wire(on: bed, to: conversation.serverPort)
    wire.handshake()
    for turn in conversation.turns { wire.send(turn.bytes, toServer: turn.toServer, size: size) }
    wire.close()
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    let kept = bed.records().filter { $0["event_type"] as? String != "flow" }.map { record in
      var record = record
      for key in ["timestamp", "pcap_cnt", "flow_id", "community_id"] { record[key] = nil }
      return text(withoutTimes(record))
    }
    // What is wrong is told behind the packet that showed it, which may have brought records, too.
    let isAnomaly = { (text: String) in text.hasPrefix("{\"anomaly") }
    return kept.filter { !isAnomaly($0) } + kept.filter(isAnomaly).sorted() + [app(bed)]
  }

  private static func app(_ bed: DissectionBed) -> String {
    bed.records("flow").map { flow in
      ["app_proto", "app_proto_ts", "app_proto_tc", "app_proto_orig"].map {
        "\(flow[$0] ?? "-")"
      }.joined(separator: " ")
    }.joined(separator: ";")
  }

  private static func withoutTimes(_ value: Any) -> Any {
    if let object = value as? [String: Any] {
      return object.filter { !["rtt", "latency", "start", "end"].contains($0.key) }
        .mapValues(withoutTimes)
    }
    if let list = value as? [Any] { return list.map(withoutTimes) }
    return value
  }

  private static func text(_ value: Any) -> String {
    let data = try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys])
    return data.map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  // MARK: Conversations

  /// Whole conversations without loss of captures whose name has a word.
  private static func conversations(_ word: String) throws -> [Conversation] {
    guard let folder = PublicCaptures.folder else { return [] }
    let manifest = try String(contentsOfFile: folder + "/MANIFEST.tsv", encoding: .utf8)
    let lines = manifest.split(separator: "\n")
    let columns = lines[0].split(separator: "\t", omittingEmptySubsequences: false)
    let column = try #require(columns.firstIndex(of: "capture"))
    let paths = lines.dropFirst().map {
      String($0.split(separator: "\t", omittingEmptySubsequences: false)[column])
    }.filter {
      $0.split(separator: "/").last?.lowercased().contains(word) ?? false
    }
    return paths.prefix(24).flatMap { read(folder + "/" + $0) }
  }

  private static func read(_ path: String) -> [Conversation] {
    let stream = CaptureStream(CaptureInputs([path]).inputs)
    let room = UnsafeMutablePointer<martlet_packet>.allocate(capacity: 32)
    let parsed = UnsafeMutablePointer<ParsedPacket>.allocate(capacity: 1)
    defer {
      room.deallocate()
      parsed.deallocate()
    }
    var generator = SplitMix(state: 1)
    let parser = PacketParser(
      vlanInKey: false, decapsulation: 0, hash: FlowHash(using: &generator))
    var flows: [FlowKey: Recorder] = [:]
    reading: while true {
      switch stream.fill(room, capacity: 32) {
      case .packets(let count):
        for i in 0..<count
        where parser.parse(room + i, into: parsed, now: 0) == PacketVerdict.flow
          && parsed.pointee.key.proto == IPProtocol.tcp
        {
          flows[parsed.pointee.key, default: Recorder()].take(parsed.pointee)
        }
        stream.forgetSpent()
      case .idle: stream.forgetSpent()
      case .end: break reading
      }
    }
    return flows.sorted { $0.value.number < $1.value.number }.prefix(6).compactMap {
      $0.value.conversation($0.key)
    }
  }

  /// Puts together what is in order from the SYN on.
  private struct Recorder {
    var number = Int.max
    private var next: (UInt32?, UInt32?) = (nil, nil)
    private var client: UInt8 = 0
    private var turns: [Turn] = []
    private var length = 0
    private var isBroken = false

    mutating func take(_ p: ParsedPacket) {
      if number == .max { number = Int(p.ordinal) }
      if p.tcpFlags & TCPFlags.syn != 0 {
        if p.side == 0 { next.0 = p.sequence &+ 1 } else { next.1 = p.sequence &+ 1 }
        if p.tcpFlags & TCPFlags.ack == 0 { client = p.side }
      }
      guard p.payloadLength > 0, let data = p.data, !isBroken else { return }
      let captured = Int(p.captured) - Int(p.payloadOffset)
      guard let expected = p.side == 0 ? next.0 : next.1, expected == p.sequence,
        captured >= Int(p.payloadLength), length < 200_000
      else {
        isBroken = true
        return
      }
      if p.side == 0 {
        next.0 = p.sequence &+ p.payloadLength
      } else {
        next.1 = p.sequence &+ p.payloadLength
      }
      let bytes = UnsafeBufferPointer(
        start: data + Int(p.payloadOffset), count: Int(p.payloadLength))
      length += bytes.count
      let toServer = p.side == client
      if turns.last?.toServer == toServer {
        turns[turns.count - 1].bytes += bytes
      } else {
        turns.append(Turn(toServer: toServer, bytes: Array(bytes)))
      }
    }

    func conversation(_ key: FlowKey) -> Conversation? {
      guard !turns.isEmpty else { return nil }
      return Conversation(
        serverPort: Int(client == 0 ? key.portB : key.portA), turns: turns)
    }
  }
}
