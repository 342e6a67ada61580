import Foundation
import Testing

@testable import Forwarding

/// nfcapd on a port of its own, writing to a folder that goes with it.
final class Nfcapd {
  let port: UInt16
  private let folder: ExportFolder
  private let program: ExportChild

  init() throws {
    let folder = try ExportFolder()
    let port = try DatagramReceiver.freePort()
    let program = try ExportChild(
      "nfcapd",
      ["-w", folder.path, "-p", "\(port)", "-b", "127.0.0.1", "-t", "3600", "-B", "16000000"],
      log: folder.file("log"))
    self.folder = folder
    self.port = port
    self.program = program
    try awaitExport("nfcapd begins: \(program.output)") { program.output.contains("Startup") }
  }

  /// Ends it when it has read everything; what it counted, and the flows that nfdump lists of it.
  /// flow_id is none of nfdump's fields: 0.
  func finish() throws -> (summary: String, flows: [ExpectedRecord], reverse: [ReverseCounts]) {
    try awaitExport("nfcapd reads its socket") { try UDPQueue.waiting(port) == 0 }
    program.terminate()
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasPrefix("nfcapd.") }
    let file = try #require(files.first)
    setenv("TZ", "UTC", 1)
    let text = try ExportChild.output(
      "nfdump",
      [
        "-r", folder.file(file), "-q", "-N", "-6", "-o",
        "fmt:%ts|%te|%sa|%da|%sp|%dp|%pr|%flg|%pkt|%byt|%svln|%tos|%opkt|%obyt",
      ], folder)
    var flows: [ExpectedRecord] = []
    var reverse: [ReverseCounts] = []
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "|", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      try #require(parts.count == 14, "nfdump: \(line)")
      flows.append(try Self.flow(parts))
      reverse.append(
        ReverseCounts(packets: UInt64(parts[12]) ?? .max, octets: UInt64(parts[13]) ?? .max))
    }
    return (program.output, flows, reverse)
  }

  struct ReverseCounts: Hashable {
    var packets: UInt64
    var octets: UInt64
  }

  private static func flow(_ parts: [String]) throws -> ExpectedRecord {
    let flags = parts[7].reduce(UInt8(0)) { $0 << 1 | ($1 == "." ? 0 : 1) }
    // nfdump has type.code of ICMP in place of the destination's port.
    let isICMP = parts[6] == "1" || parts[6] == "58"
    return ExpectedRecord(
      source: parts[2], destination: parts[3], sourcePort: isICMP ? 0 : UInt16(parts[4]) ?? .max,
      destinationPort: isICMP
        ? icmp(parts[5]) : UInt16(parts[5]) ?? .max, proto: try #require(UInt8(parts[6])),
      packets: UInt64(parts[8]) ?? .max, octets: UInt64(parts[9]) ?? .max, flags: flags,
      typeOfService: try #require(UInt8(parts[11])), start: try milliseconds(parts[0]),
      end: try milliseconds(parts[1]), vlan: try #require(UInt16(parts[10])), id: 0)
  }

  /// `3.1` as type << 8 | code.
  private static func icmp(_ text: String) -> UInt16 {
    let numbers = text.split(separator: ".").compactMap { UInt16($0) }
    return numbers.count == 2 ? numbers[0] << 8 | numbers[1] : .max
  }

  /// `2017-07-14 02:40:00.123`.
  private static func milliseconds(_ text: String) throws -> Int64 {
    let numbers = text.split { "- :.".contains($0) }.compactMap { Int32($0) }
    try #require(numbers.count == 7, "nfdump's time \(text)")
    var parts = tm()
    parts.tm_year = numbers[0] - 1900
    parts.tm_mon = numbers[1] - 1
    parts.tm_mday = numbers[2]
    parts.tm_hour = numbers[3]
    parts.tm_min = numbers[4]
    parts.tm_sec = numbers[5]
    return Int64(timegm(&parts)) * 1000 + Int64(numbers[6])
  }
}

/// What waits in the buffer of a UDP socket of this machine, from /proc/net/udp.
enum UDPQueue {
  static func waiting(_ port: UInt16) throws -> Int { try columns(port)[4].1 }

  /// Datagrams that found the buffer full.
  static func dropped(_ port: UInt16) throws -> Int { try columns(port)[12].0 }

  /// Each column as a number: decimal, and the hexadecimal one behind a colon.
  private static func columns(_ port: UInt16) throws -> [(Int, Int)] {
    let text = try String(contentsOfFile: "/proc/net/udp", encoding: .utf8)
    let suffix = ":" + String(format: "%04X", Int(port))
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ")
      if parts.count > 12, parts[1].hasSuffix(suffix) {
        return parts.map { part in
          (Int(part) ?? -1, Int(part.split(separator: ":").last ?? "", radix: 16) ?? -1)
        }
      }
    }
    throw ExportDecoder.Malformed("no UDP socket has port \(port)")
  }
}
