package import FlowEngine

/// A protocol record as it came over the ring: its head, and its tokens as long as the message stays.
package struct EventRecord {
  package let head: EventHead
  package let tokens: UnsafeRawBufferPointer
  /// Both as they came.
  package let message: UnsafeRawBufferPointer

  /// Nil where the message is shorter than a head.
  package init?(_ message: UnsafeRawBufferPointer) {
    let size = MemoryLayout<EventHead>.size
    guard message.count >= size else { return nil }
    self.message = message
    head = message.loadUnaligned(as: EventHead.self)
    tokens = UnsafeRawBufferPointer(rebasing: message[size...])
  }

  package var type: EventType { EventType(place: head.type) ?? .anomaly }

  package var isHidden: Bool { head.flags & EventHead.Flags.notEVE != 0 }
  package var isTruncated: Bool { head.flags & EventHead.Flags.truncated != 0 }

  package var source: IPAddress { head.side == 0 ? head.key.addressA : head.key.addressB }
  package var destination: IPAddress { head.side == 0 ? head.key.addressB : head.key.addressA }
  package var sourcePort: UInt16 { head.side == 0 ? head.key.portA : head.key.portB }
  package var destinationPort: UInt16 { head.side == 0 ? head.key.portB : head.key.portA }

  package var vlans: (UInt16, UInt16) { (head.vlanOuter, head.vlanInner) }

  func flowID(_ identity: FlowIdentity) -> UInt64 {
    identity.flowID(
      key: head.key, firstSeen: head.firstSeen, ordinal: head.flowOrdinal, vlans: vlans)
  }

  package func makeReader() -> EventReader { EventReader(tokens) }
}

/// Walks over a record's tokens.
package struct EventReader {
  package enum Value {
    case end
    case object
    case array
    case string(UnsafeRawBufferPointer)
    case hex(UnsafeRawBufferPointer, colons: Bool)
    case unsigned(UInt64)
    case signed(Int64)
    case boolean(Bool)
    case time(Int64)
    case seconds(Int64)
    case address(IPAddress, version: UInt8)
    case dateTime(Int64)
  }

  private let tokens: UnsafeRawBufferPointer
  private var place = 0

  package init(_ tokens: UnsafeRawBufferPointer) { self.tokens = tokens }

  /// The next token; nil behind the last one, and where what follows is none.
  package mutating func next() -> (field: EventField, value: Value)? {
    guard tokens.count - place >= EventToken.head else { return nil }
    let field = EventField(rawValue: load(place))
    guard let kind = EventToken.Kind(rawValue: tokens[place + 2]) else { return nil }
    place += EventToken.head
    switch kind {
    case .end: return (field, .end)
    case .object: return (field, .object)
    case .array: return (field, .array)
    case .string, .hex, .hexColons:
      guard tokens.count - place >= 2 else { return nil }
      let count = Int(load(place) as UInt16)
      guard let bytes = take(count, behind: 2) else { return nil }
      if kind == .string { return (field, .string(bytes)) }
      return (field, .hex(bytes, colons: kind == .hexColons))
    case .ipv4:
      guard let bytes = take(4) else { return nil }
      let address = UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
      return (field, .address(IPAddress(v4: address), version: 4))
    case .ipv6:
      guard let bytes = take(16) else { return nil }
      let high = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
      let low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      return (field, .address(IPAddress(high: high, low: low), version: 6))
    case .literal:
      guard let bytes = take(10) else { return nil }
      let address: UInt64 = bytes.loadUnaligned(as: UInt64.self)
      let count = bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)
      // A StaticString of this process, which its writer took apart.
      let text = UnsafeRawBufferPointer(
        start: UnsafeRawPointer(bitPattern: UInt(address)), count: Int(UInt16(littleEndian: count)))
      return (field, .string(text))
    default:
      guard let bytes = take(8) else { return nil }
      let value = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
      let signed = Int64(bitPattern: value)
      switch kind {
      case .unsigned: return (field, .unsigned(value))
      case .signed: return (field, .signed(signed))
      case .boolean: return (field, .boolean(value != 0))
      case .time: return (field, .time(signed))
      case .seconds: return (field, .seconds(signed))
      default: return (field, .dateTime(signed))
      }
    }
  }

  private func load(_ offset: Int) -> UInt16 {
    UInt16(littleEndian: tokens.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  private mutating func take(_ count: Int, behind: Int = 0) -> UnsafeRawBufferPointer? {
    guard tokens.count - place >= behind + count else { return nil }
    let start = place + behind
    place = start + count
    return UnsafeRawBufferPointer(rebasing: tokens[start..<place])
  }
}
