import CLineRate
import Foundation

/// What the checker wants of a `flow` record in EVE JSON, found by the keys' order in Martlet's output:
/// a JSON parser would need more of the shared core than the engine's encoder.
struct RecordScan {
  var flow: UInt32 = 0
  /// Tuple and direction are those that the generator gives this flow.
  var isOurs = false
  var toServer: UInt64 = 0
  var toClient: UInt64 = 0
  var payloadToServer: UInt64 = 0
  var payloadToClient: UInt64 = 0
  /// Retransmissions, gaps or segments out of order are reported.
  var hasTrouble = false
  var sequence: UInt64 = 0
  var worker: UInt64 = 0
  /// From the last packet to the record, where a timeout ended the flow.
  var lateMicroseconds: Int64?
  var isTCP = false

  private static let sourceAddress = key("\"src_ip\":\"")
  private static let sourcePort = key("\",\"src_port\":")
  private static let destinationAddress = key(",\"dest_ip\":\"")
  private static let destinationPort = key("\",\"dest_port\":")
  private static let proto = key(",\"proto\":\"")
  private static let packetsToServer = key("\"pkts_toserver\":")
  private static let packetsToClient = key(",\"pkts_toclient\":")
  private static let end = key(",\"end\":\"")
  private static let reason = key("\"reason\":\"")
  private static let payload = key("\"payload_bytes_toserver\":")
  private static let payloadBack = key(",\"payload_bytes_toclient\":")
  private static let tail = key("\"conn_state\":")
  private static let workerKey = key("\"worker\":")
  private static let sequenceKey = key("\"seq\":")
  private static let troubles = ["\"retrans", "\"gaps", "\"out_of_order", "\"missed"].map(key)

  private static func key(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// Nil where the record is not one that Martlet writes for TCP or UDP.
  init?(_ record: UnsafeRawBufferPointer, plan: FlowPlan) {
    var cursor = Cursor(record)
    guard cursor.pass(Self.sourceAddress) else { return nil }
    let source = cursor.text()
    guard cursor.pass(Self.sourcePort) else { return nil }
    let sourcePort = cursor.number()
    guard cursor.pass(Self.destinationAddress) else { return nil }
    let destination = cursor.text()
    guard cursor.pass(Self.destinationPort) else { return nil }
    let destinationPort = cursor.number()
    guard cursor.pass(Self.proto) else { return nil }
    isTCP = cursor.byte == UInt8(ascii: "T")
    guard cursor.pass(Self.packetsToServer) else { return nil }
    toServer = cursor.number()
    guard cursor.pass(Self.packetsToClient) else { return nil }
    toClient = cursor.number()
    guard cursor.pass(Self.end) else { return nil }
    let end = cursor.timeOfDay()
    guard cursor.pass(Self.reason) else { return nil }
    let isTimeout = cursor.byte == UInt8(ascii: "t")
    guard cursor.pass(Self.payload) else { return nil }
    payloadToServer = cursor.number()
    guard cursor.pass(Self.payloadBack) else { return nil }
    payloadToClient = cursor.number()
    if isTCP {
      let rest = cursor.rest
      hasTrouble = Self.troubles.contains { Cursor(rest).holds($0) }
    }
    guard cursor.pass(Self.tail), cursor.pass(Self.workerKey) else { return nil }
    worker = cursor.number()
    guard cursor.pass(Self.sequenceKey) else { return nil }
    sequence = cursor.number()
    if isTimeout {
      // The time stamp stands first: {"timestamp":"2026-11-21T05:36:00.123456+0000"
      let made = Cursor(UnsafeRawBufferPointer(rebasing: record.dropFirst(14))).timeOfDay()
      let day: Int64 = 86_400_000_000
      lateMicroseconds = (made - end + day) % day
    }
    match(source, destination, UInt16(sourcePort), UInt16(destinationPort), plan)
  }

  private mutating func match(
    _ source: UnsafeRawBufferPointer, _ destination: UnsafeRawBufferPointer, _ sourcePort: UInt16,
    _ destinationPort: UInt16, _ plan: FlowPlan
  ) {
    guard let near = Self.address(source), let far = Self.address(destination) else { return }
    flow = near.isIPv6 ? near.low : near.low & 0xff_ffff | (far.low >> 8 & 0xff) << 24
    guard flow < FlowPlan.limit else { return }
    let bits = FlowPlan.bits(flow)
    isOurs =
      near.isIPv6 == plan.isIPv6(bits) && far.isIPv6 == near.isIPv6
      && isTCP == plan.isTCP(bits) && near.isPrefixed && far.isPrefixed
      && near.low == FlowPlan.clientAddress(flow, isIPv6: near.isIPv6)
      && far.low == FlowPlan.serverAddress(flow, bits, isIPv6: near.isIPv6)
      && sourcePort == FlowPlan.clientPort(bits) && destinationPort == FlowPlan.serverPort
  }

  /// The last 32 bits of an address, and whether what stands before them is the bench's own.
  private static func address(
    _ text: UnsafeRawBufferPointer
  ) -> (low: UInt32, isIPv6: Bool, isPrefixed: Bool)? {
    let isIPv6 = text.contains(UInt8(ascii: ":"))
    return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { memory in
      guard text.count < 40 else { return nil }
      memory.copyMemory(from: text)
      memory[text.count] = 0
      let parsed = memory.baseAddress! + 48
      let ok = inet_pton(
        isIPv6 ? AF_INET6 : AF_INET, memory.baseAddress!.assumingMemoryBound(to: CChar.self), parsed
      )
      guard ok == 1 else { return nil }
      guard isIPv6 else {
        return (UInt32(bigEndian: parsed.load(as: UInt32.self)), false, true)
      }
      let prefixed = UInt32(bigEndian: parsed.load(as: UInt32.self)) == 0x2001_0002
      return (
        UInt32(bigEndian: parsed.load(fromByteOffset: 12, as: UInt32.self)), true, prefixed
      )
    }
  }
}

/// A place in a record that only goes forward.
private struct Cursor {
  private var at: UnsafeRawPointer
  private let end: UnsafeRawPointer

  init(_ bytes: UnsafeRawBufferPointer) {
    at = bytes.baseAddress!
    end = at + bytes.count
  }

  var byte: UInt8 { at < end ? at.load(as: UInt8.self) : 0 }
  var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: at, count: end - at) }

  func holds(_ key: [UInt8]) -> Bool { linerate_find(at, end - at, key, key.count) != nil }

  /// Behind the next place where `key` stands; false where there is none.
  mutating func pass(_ key: [UInt8]) -> Bool {
    guard let found = linerate_find(at, end - at, key, key.count) else { return false }
    at = found + key.count
    return true
  }

  /// Up to the next quotation mark.
  func text() -> UnsafeRawBufferPointer {
    guard let quote = memchr(at, 0x22, end - at) else {
      return UnsafeRawBufferPointer(start: at, count: 0)
    }
    return UnsafeRawBufferPointer(start: at, count: UnsafeRawPointer(quote) - at)
  }

  func number() -> UInt64 {
    var value: UInt64 = 0
    var place = at
    while place < end, case let digit = place.load(as: UInt8.self) &- 48, digit < 10 {
      value = value &* 10 &+ UInt64(digit)
      place += 1
    }
    return value
  }

  /// Microseconds since midnight of a time stamp in EVE's form.
  func timeOfDay() -> Int64 {
    guard end - at >= 26 else { return 0 }
    func digits(_ offset: Int, _ count: Int) -> Int64 {
      (0..<count).reduce(0) {
        $0 * 10 + Int64(at.load(fromByteOffset: offset + $1, as: UInt8.self)) - 48
      }
    }
    return ((digits(11, 2) * 60 + digits(14, 2)) * 60 + digits(17, 2)) * 1_000_000 + digits(20, 6)
  }
}
