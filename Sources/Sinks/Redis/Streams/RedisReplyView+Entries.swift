/// Entries as XRANGE, XREADGROUP and XAUTOCLAIM answer them:
///
///     [ [id, [field, value, field, value …]], [id, nil], nil … ]
///
/// A body that is nil was trimmed or deleted while the entry was pending; Redis 6.2 leaves out the ID
/// as well when it claims such an entry.
extension RedisReplyView {
  /// The entries of an array of them; `nameless` counts those that came without an ID.
  package func entries(nameless: inout Int) -> [StreamEntry] {
    var entries: [StreamEntry] = []
    let count = count
    entries.reserveCapacity(count)
    for index in 0..<count {
      guard let element = self[index], let id = element[0].flatMap({ StreamID($0.bytes) }) else {
        nameless += 1
        continue
      }
      entries.append(StreamEntry(id: id, body: element[1].map { $0.entryBody() } ?? .gone))
    }
    return entries
  }

  private func entryBody() -> StreamEntry.Body {
    if isNull { return .gone }
    if count == 2, let name = self[0], let value = self[1], name.bytes.elementsEqual("eve".utf8) {
      return .eve([UInt8](value.bytes))
    }
    var total = 0
    for index in 0..<count { total += self[index]?.bytes.count ?? 0 }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(total)
    for index in 0..<count {
      if let part = self[index] { bytes.append(contentsOf: part.bytes) }
    }
    var fields: [StreamEntry.Field] = []
    fields.reserveCapacity(count / 2)
    var offset = 0
    for index in stride(from: 0, to: count - 1, by: 2) {
      let middle = offset + (self[index]?.bytes.count ?? 0)
      let end = middle + (self[index + 1]?.bytes.count ?? 0)
      fields.append((bytes[offset..<middle], bytes[middle..<end]))
      offset = end
    }
    return .fields(fields)
  }
}

extension StreamID {
  /// Reads `1526919030474-55` without making a String: an ID stands before every entry.
  init?(_ bytes: UnsafeRawBufferPointer) {
    var parts: (UInt64, UInt64) = (0, 0)
    var isBehindDash = false
    var digits = 0
    for byte in bytes {
      if byte == UInt8(ascii: "-"), !isBehindDash, digits > 0 {
        isBehindDash = true
        digits = 0
        continue
      }
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
      let value = isBehindDash ? parts.1 : parts.0
      let (product, isOver) = value.multipliedReportingOverflow(by: 10)
      let (sum, isOverToo) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
      guard !isOver, !isOverToo else { return nil }
      if isBehindDash { parts.1 = sum } else { parts.0 = sum }
      digits += 1
    }
    guard isBehindDash, digits > 0 else { return nil }
    self.init(milliseconds: parts.0, sequence: parts.1)
  }
}
