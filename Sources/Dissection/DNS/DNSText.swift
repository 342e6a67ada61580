/// Memory behind the record under way, for one name and for one text that is put together: the end of
/// the scratch that all records are made in.
struct DNSWorkspace: BitwiseCopyable {
  /// ``DNSName/bufferBytes``
  let name: UnsafeMutablePointer<UInt8>
  let text: UnsafeMutablePointer<UInt8>

  static let byteCount = 4096
  static let textBytes = byteCount - DNSName.bufferBytes

  init(_ d: Delivery) {
    let end = d.core.pointee.scratch + (DissectionCore.scratchBytes - Self.byteCount)
    name = end.assumingMemoryBound(to: UInt8.self)
    text = name + DNSName.bufferBytes
  }

  /// A writer that leaves this memory alone.
  static func event(_ d: Delivery) -> EventWriter {
    EventWriter(d.core.pointee.scratch, capacity: DissectionCore.scratchBytes - byteCount)
  }
}

extension BoundedText {
  init(_ space: DNSWorkspace) { self.init(space.text, capacity: DNSWorkspace.textBytes) }

  mutating func space() { byte(0x20) }

  /// With a space behind.
  mutating func number(_ value: some UnsignedInteger & FixedWidthInteger) {
    decimal(value)
    space()
  }

  /// In quotes, as master files have it: quotes and backslashes escaped (RFC 1035, 5.1).
  mutating func quoted(_ bytes: Bytes) {
    byte(0x22)
    for i in 0..<bytes.count {
      guard let value = bytes.u8(i) else { return }
      if value == 0x22 || value == 0x5c { byte(0x5c) }
      byte(value)
      if isCut { return }
    }
    byte(0x22)
  }

  mutating func address(_ bytes: Bytes) {
    if bytes.count == 4 {
      for i in 0..<4 {
        if i > 0 { byte(0x2e) }
        decimal(bytes.u8(i) ?? 0)
      }
      return
    }
    guard bytes.count == 16 else { return hex(bytes) }
    // As Suricata has it: all digits.
    for i in 0..<8 {
      if i > 0 { byte(0x3a) }
      if let pair = bytes.slice(i &* 2, 2) { hex(pair) }
    }
  }

  /// A name out of a message; the root is a dot. Returns where it ends, nil where there is none.
  mutating func name(_ message: Bytes, at offset: Int) -> Int? {
    guard capacity &- count >= DNSName.bufferBytes else {
      isCut = true
      return DNSName.skip(message, at: offset)
    }
    let name = DNSName.read(message, at: offset, into: free)
    guard !name.isMalformed else { return nil }
    grow(by: name.count)
    if name.count == 0 { byte(0x2e) }
    return name.next
  }
}
