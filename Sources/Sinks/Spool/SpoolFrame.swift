internal import CCompression
package import Records

/// A record as it waits on disk: everything that is needed to publish it, and nothing that must be
/// worked out again.
package struct SpoolEntry: Sendable {
  /// EVE's `event_type`, the stream's suffix: a text, for a version to come may have more types.
  package var type: String
  package var id: StreamID
  package var format: RecordFormat
  /// `fields` records: how many pairs.
  package var fieldCount: Int
  /// The finished record is `bytes[offset ..< offset + length]`.
  package var bytes: [UInt8]
  package var offset: Int
  package var length: Int

  package init(
    type: String, id: StreamID, format: RecordFormat, fieldCount: Int, bytes: [UInt8],
    offset: Int, length: Int
  ) {
    self.type = type
    self.id = id
    self.format = format
    self.fieldCount = fieldCount
    self.bytes = bytes
    self.offset = offset
    self.length = length
  }
}

/// Where an entry stands: which segment, and which of the segment's entries it is.
package struct SpoolPosition: Hashable, Comparable, Sendable {
  package var segment: UInt64
  package var ordinal: UInt32

  package init(segment: UInt64, ordinal: UInt32) {
    self.segment = segment
    self.ordinal = ordinal
  }

  package static func < (left: SpoolPosition, right: SpoolPosition) -> Bool {
    (left.segment, left.ordinal) < (right.segment, right.ordinal)
  }
}

/// Entries that go under other IDs than those they were spooled with, because theirs had become too
/// low. Written before they are sent, so that a restart looks for them where they are.
struct SpoolRenumbering: Equatable {
  var positions: [SpoolPosition]
  /// The first one's ID; those that follow count its sequence up.
  var first: StreamID
}

/// What stands in a segment: frames, one after the other.
///
///     0  length of what follows the checksum, 4 bytes
///     4  CRC-32 (zlib's) of what follows, 4 bytes
///     8  kind, 1 byte
///     9  an entry:       format 1, fields 2, length of the type 2, ID 8 + 8, type, record
///        a renumbering:  first ID 8 + 8, count 4, then segment 8 + ordinal 4 of each
///        a mark:         segment 8, ordinal 4: entries up to there may have been sent
///
/// All numbers are little-endian.
enum SpoolFrame {
  case entry(SpoolEntry)
  case renumbering(SpoolRenumbering)
  case sent(SpoolPosition)

  static let headBytes = 8
  private static let entryHeadBytes = 1 + 1 + 2 + 2 + 8 + 8
  /// No record comes near; a length beyond it is damage.
  static let maximumBytes = 64 << 20

  static func size(of entry: SpoolEntry) -> Int {
    headBytes + entryHeadBytes + entry.type.utf8.count + entry.length
  }

  static func append(_ entry: SpoolEntry, to bytes: inout [UInt8]) {
    let start = begin(&bytes)
    bytes.append(0)
    bytes.append(entry.format == .eve ? 0 : 1)
    bytes.appendLittle(UInt16(clamping: entry.fieldCount))
    bytes.appendLittle(UInt16(clamping: entry.type.utf8.count))
    bytes.appendLittle(entry.id.milliseconds)
    bytes.appendLittle(entry.id.sequence)
    bytes.append(contentsOf: entry.type.utf8)
    bytes.append(contentsOf: entry.bytes[entry.offset..<entry.offset + entry.length])
    end(&bytes, start)
  }

  static func append(_ renumbering: SpoolRenumbering, to bytes: inout [UInt8]) {
    let start = begin(&bytes)
    bytes.append(1)
    bytes.appendLittle(renumbering.first.milliseconds)
    bytes.appendLittle(renumbering.first.sequence)
    bytes.appendLittle(UInt32(renumbering.positions.count))
    for position in renumbering.positions {
      bytes.appendLittle(position.segment)
      bytes.appendLittle(position.ordinal)
    }
    end(&bytes, start)
  }

  static func append(sent position: SpoolPosition, to bytes: inout [UInt8]) {
    let start = begin(&bytes)
    bytes.append(2)
    bytes.appendLittle(position.segment)
    bytes.appendLittle(position.ordinal)
    end(&bytes, start)
  }

  private static func begin(_ bytes: inout [UInt8]) -> Int {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: headBytes))
    return start
  }

  private static func end(_ bytes: inout [UInt8], _ start: Int) {
    let body = start + headBytes
    let length = UInt32(bytes.count - body)
    let sum = checksum(bytes[body...])
    for (index, value) in [length, sum].enumerated() {
      for byte in 0..<4 {
        bytes[start + index * 4 + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(byte)))
      }
    }
  }

  static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBufferPointer {
      UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count))
    }
  }

  /// Reads the body of a frame whose checksum was right; nil where it is none all the same.
  static func parse(_ body: ArraySlice<UInt8>) -> SpoolFrame? {
    var reader = LittleReader(body)
    switch reader.number(1) {
    case 0:
      guard let format = reader.number(1), let fields = reader.number(2),
        let typeLength = reader.number(2), let milliseconds = reader.number(8),
        let sequence = reader.number(8), let type = reader.take(Int(typeLength)),
        let text = String(validating: type, as: UTF8.self)
      else { return nil }
      let record = Array(reader.rest)
      return .entry(
        SpoolEntry(
          type: text, id: StreamID(milliseconds: milliseconds, sequence: sequence),
          format: format == 0 ? .eve : .fields, fieldCount: Int(fields), bytes: record, offset: 0,
          length: record.count))
    case 1:
      guard let milliseconds = reader.number(8), let sequence = reader.number(8),
        let count = reader.number(4), reader.rest.count == Int(count) * 12
      else { return nil }
      var positions: [SpoolPosition] = []
      for _ in 0..<count {
        guard let segment = reader.number(8), let ordinal = reader.number(4) else { return nil }
        positions.append(SpoolPosition(segment: segment, ordinal: UInt32(ordinal)))
      }
      return .renumbering(
        SpoolRenumbering(
          positions: positions, first: StreamID(milliseconds: milliseconds, sequence: sequence)))
    case 2:
      guard let segment = reader.number(8), let ordinal = reader.number(4), reader.rest.isEmpty
      else { return nil }
      return .sent(SpoolPosition(segment: segment, ordinal: UInt32(ordinal)))
    default: return nil
    }
  }
}

/// Takes little-endian numbers off the front of bytes.
struct LittleReader {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
    guard rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  mutating func number(_ bytes: Int) -> UInt64? {
    take(bytes)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension [UInt8] {
  mutating func appendLittle<Number: FixedWidthInteger>(_ number: Number) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }
}
