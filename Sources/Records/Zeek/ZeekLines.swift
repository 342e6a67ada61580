package import FlowEngine

/// Lines of a log of Zeek's: values with a tab between them, escaped as Zeek does.
package struct ZeekLines: Sendable {
  package private(set) var bytes: [UInt8] = []
  private var isFirst = true
  private let identity: FlowIdentity

  package init(_ identity: FlowIdentity) {
    self.identity = identity
    bytes.reserveCapacity(1024)
  }

  /// Forgets what has been written out.
  package mutating func clear() { bytes.removeAll(keepingCapacity: true) }

  /// Begins the next value.
  package mutating func next() {
    if !isFirst { bytes.append(UInt8(ascii: "\t")) }
    isFirst = false
  }

  package mutating func end() {
    bytes.append(UInt8(ascii: "\n"))
    isFirst = true
  }

  /// Text of the program's own.
  package mutating func plain(_ text: String) { bytes += text.utf8 }
  package mutating func unset() { bytes.append(UInt8(ascii: "-")) }

  // MARK: Values

  /// `C` and 17 digits: conn.log has the same for the flow.
  package mutating func uid(_ head: EventHead) {
    let id = connection(head)
    write { $0.uid(id) }
  }

  /// `F` and 17 digits, the same for a file wherever it is spoken of: of its flow, its transaction, the
  /// direction it went and its number among those.
  package mutating func fuid(_ head: EventHead, toServer: Bool, number: UInt64) {
    let id = connection(head)
    // Odd factors spread what differs in low bits; the identifier is cut to its bits below.
    var hash = id.extra ^ (UInt64(head.transaction) &+ 1) &* 0x9e37_79b9_7f4a_7c15
    hash ^= (number << 1 | (toServer ? 1 : 0)) &* 0xe703_7ed1_a0b4_28db
    hash ^= hash >> 29
    let flowBits = UInt64(FlowIdentity.bits)
    let extraBits = UInt64(FlowIdentity.extraBits)
    let file = (
      flowID: (id.flowID ^ hash &* 0xa076_1d64_78bd_642f) & (1 << flowBits - 1),
      extra: hash >> (64 - extraBits)
    )
    let start = bytes.count
    write { $0.uid(file) }
    bytes[start] = UInt8(ascii: "F")
  }

  /// Originator's and responder's addresses and ports: four values.
  package mutating func endpoints(_ head: EventHead) {
    let isTurned = head.flags & EventHead.Flags.originatorIsB != 0
    let key = head.key
    endpoint(isTurned ? key.addressB : key.addressA, isTurned ? key.portB : key.portA)
    endpoint(isTurned ? key.addressA : key.addressB, isTurned ? key.portA : key.portB)
  }

  private mutating func endpoint(_ host: IPAddress, _ port: UInt16) {
    next()
    address(host)
    next()
    count(UInt64(port))
  }

  package mutating func address(_ host: IPAddress) {
    write { $0.address(host, version: host.isMappedV4 ? 4 : 6) }
  }

  package mutating func count(_ value: UInt64) { write { $0.decimal(value) } }
  package mutating func boolean(_ value: Bool) { bytes.append(UInt8(ascii: value ? "T" : "F")) }

  /// Seconds since 1970 with six decimals.
  package mutating func time(_ nanoseconds: Int64) {
    write { $0.seconds(nanoseconds: nanoseconds) }
  }

  /// A span of time, likewise; a part of a microsecond is cut off.
  package mutating func interval(_ nanoseconds: Int64) {
    // Towards zero on both sides: there is no -0.000001 for a span of -1 ns.
    let magnitude = nanoseconds.magnitude / 1000 * 1000
    if nanoseconds < 0 && magnitude > 0 { bytes.append(UInt8(ascii: "-")) }
    write { $0.seconds(nanoseconds: Int64(clamping: magnitude)) }
  }

  package mutating func hex(_ value: UnsafeRawBufferPointer, colons: Bool = false) {
    for (place, byte) in value.enumerated() {
      if colons && place > 0 { bytes.append(UInt8(ascii: ":")) }
      hexByte(byte)
    }
  }

  private mutating func hexByte(_ byte: UInt8) {
    let digits: StaticString = "0123456789abcdef"
    bytes.append(digits.utf8Start[Int(byte >> 4)])
    bytes.append(digits.utf8Start[Int(byte & 15)])
  }

  private func connection(_ head: EventHead) -> (flowID: UInt64, extra: UInt64) {
    identity.connectionID(
      key: head.key, firstSeen: head.firstSeen, ordinal: head.flowOrdinal,
      vlans: (head.vlanOuter, head.vlanInner))
  }

  /// What `body` writes is below 64 bytes.
  private mutating func write(_ body: (inout ByteWriter) -> Void) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64 + ByteWriter.slack) { scratch in
      let start = scratch.baseAddress.unsafelyUnwrapped
      var writer = ByteWriter(start)
      body(&writer)
      bytes.append(contentsOf: UnsafeBufferPointer(start: start, count: writer.cursor - start))
    }
  }
}

extension ZeekLines {
  /// Text off the wire. Control and format characters, backslashes and what is no UTF-8 become `\xNN`; so
  /// does the comma within a list; nothing at all is `(empty)`, and what would read as unset or empty has
  /// its first character escaped.
  package mutating func string(
    _ text: UnsafeRawBufferPointer, inList: Bool = false, lowercase: Bool = false
  ) {
    if text.isEmpty { return plain("(empty)") }
    var place = 0
    if (text.count == 1 && text[0] == UInt8(ascii: "-")) || text.elementsEqual("(empty)".utf8) {
      escaped(text[0])
      place = 1
    }
    while place < text.count {
      let byte = text[place]
      if byte >= 0x80 {
        let length = ByteWriter.sequenceLength(text, place)
        if length == 0 {
          escaped(byte)
          place += 1
        } else if ByteWriter.unseen(text, place, length) != 0 {
          for offset in 0..<length { escaped(text[place + offset]) }
          place += length
        } else {
          bytes += text[place..<place + length]
          place += length
        }
        continue
      }
      place += 1
      switch byte {
      case 0..<0x20, 0x7f, UInt8(ascii: "\\"): escaped(byte)
      case UInt8(ascii: ",") where inList: escaped(byte)
      case UInt8(ascii: "A")...UInt8(ascii: "Z") where lowercase: bytes.append(byte | 0x20)
      default: bytes.append(byte)
      }
    }
  }

  private mutating func escaped(_ byte: UInt8) {
    if byte == UInt8(ascii: "\\") {
      bytes += "\\\\".utf8
      return
    }
    bytes += "\\x".utf8
    hexByte(byte)
  }
}

/// A column of one of Zeek's logs: its name and Zeek's type for it.
package struct ZeekColumnHead: Sendable {
  package let name: String
  package let type: String

  package init(_ name: String, _ type: String) {
    self.name = name
    self.type = type
  }
}

extension ZeekLines {
  /// The lines in front of a log's own; `openedNanoseconds` since 1970 becomes `#open`, in UTC.
  package static func header(
    path: String, openedNanoseconds: Int64, _ columns: [ZeekColumnHead]
  ) -> [UInt8] {
    ZeekLog.header(path: path, openedNanoseconds, columns.map { ($0.name, $0.type) })
  }

  /// The line behind them.
  package static func footer(closedNanoseconds: Int64) -> [UInt8] {
    ZeekLog.footer(closedNanoseconds)
  }
}

extension EventHead {
  /// Who began, as far as packets tell.
  package var originator: IPAddress {
    flags & Flags.originatorIsB != 0 ? key.addressB : key.addressA
  }
  package var responder: IPAddress {
    flags & Flags.originatorIsB != 0 ? key.addressA : key.addressB
  }
  package var originatorPort: UInt16 { flags & Flags.originatorIsB != 0 ? key.portB : key.portA }
  package var responderPort: UInt16 { flags & Flags.originatorIsB != 0 ? key.portA : key.portB }

  /// Whether the ends are local by Zeek's default.
  package var localEnds: (originator: Bool, responder: Bool) {
    (ZeekSite.isLocal(originator), ZeekSite.isLocal(responder))
  }
}

extension IPAddress {
  /// Local by Zeek's default: private and other special-purpose address space.
  package var isLocalToZeek: Bool { ZeekSite.isLocal(self) }
}
