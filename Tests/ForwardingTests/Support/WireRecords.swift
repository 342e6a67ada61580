import Foundation
import Sinks

@testable import Forwarding

/// Records for the targets that send messages.
enum WireRecords {
  /// An EVE record of about 400 bytes; 64 flows in turn.
  static func record(
    _ number: Int, type: String = "flow", sensor: String = "edge1", members: String = ""
  ) throws -> ForwardRecord {
    let flow = number % 64
    return try record(
      json: """
        {"timestamp":"2026-11-21T05:36:00.123456+0000","flow_id":\(1000 + flow),\
        "event_type":"\(type)","src_ip":"192.0.2.\(flow)","src_port":40000,\
        "dest_ip":"198.51.100.7","dest_port":443,"proto":"TCP","app_proto":"tls","community_id":"1:flow\(flow)=",\
        "flow":{"pkts_toserver":12,"pkts_toclient":11,"bytes_toserver":2048,"bytes_toclient":9216,\
        "start":"2026-11-21T05:35:00.000001+0000","end":"2026-11-21T05:36:00.123456+0000",\
        "state":"closed","reason":"timeout"},"number":\(number)\(members)}
        """, number: number, type: type, sensor: sensor)
  }

  static func record(
    json: String, number: Int, type: String = "flow", sensor: String = "edge1"
  ) throws -> ForwardRecord {
    ForwardRecord(
      stream: StreamName(sensor: sensor, type: type),
      entry: StreamID(milliseconds: 1_763_760_000_000, sequence: UInt64(number)),
      document: try EVEDocument(Array(json.utf8)))
  }

  static func records(_ numbers: Range<Int>) throws -> [ForwardRecord] {
    try numbers.map { try record($0) }
  }
}

/// Delivers as the pipeline does: what has not arrived comes again. Returns what was refused.
@discardableResult
func deliverToTheWire(
  _ records: [ForwardRecord], to target: any ForwardTarget, batchRecords: Int = 500,
  seconds: Double = 60, betweenBatches: (Int) throws -> Void = { _ in }
) throws -> [String: String] {
  let deadline = Date().addingTimeInterval(seconds)
  var refused: [String: String] = [:]
  for start in stride(from: 0, to: records.count, by: batchRecords) {
    var waiting = Array(records[start..<min(start + batchRecords, records.count)])
    var reason = ""
    while !waiting.isEmpty {
      if Date() > deadline { throw WireTimeout(description: "not delivered: \(reason)") }
      do {
        let outcomes = try target.deliver(waiting, interruption: Interruption())
        var again: [ForwardRecord] = []
        for (record, outcome) in zip(waiting, outcomes) {
          switch outcome {
          case .delivered: break
          case .refused(let text): refused[record.identifier] = text
          case .again(let text):
            reason = text
            again.append(record)
          }
        }
        waiting = again
      } catch {
        reason = "\(error)"
      }
      if !waiting.isEmpty { usleep(50_000) }
    }
    try betweenBatches(start)
  }
  return refused
}

struct WireTimeout: Error, CustomStringConvertible {
  var description: String
}

/// Asks again and again until it is so; throws when that takes longer than the deadline.
func wireUntil(_ what: String, seconds: Double = 30, _ condition: () throws -> Bool) throws {
  let deadline = Date().addingTimeInterval(seconds)
  while try !condition() {
    if Date() > deadline { throw WireTimeout(description: "not within \(seconds) s: \(what)") }
    usleep(10_000)
  }
}

/// Programs that the tests talk to.
enum WireProgram {
  static func path(_ name: String) -> String? {
    ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/sbin", "/bin"]
      .map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// For `.enabled(if:)`: says loudly what is not tested.
  static func isInstalled(_ name: String, tests: String) -> Bool {
    if path(name) != nil { return true }
    FileHandle.standardError.write(
      Data("\n*** \(name) is not installed: \(tests) NOT TESTED ***\n\n".utf8))
    return false
  }

  /// Runs it to its end; throws with what it said where it fails.
  @discardableResult
  static func run(_ name: String, _ arguments: [String]) throws -> Data {
    let process = Process()
    let output = Pipe()
    let errors = Pipe()
    process.executableURL = URL(fileURLWithPath: path(name) ?? "/\(name)")
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    let said = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw WireTimeout(description: "\(name): \(String(decoding: said, as: UTF8.self))")
    }
    return data
  }
}

/// A directory that goes with it.
final class WireDirectory {
  let path = "/tmp/mrtl-wire-\(UInt32.random(in: .min ... .max))"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
