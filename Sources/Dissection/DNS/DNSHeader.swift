/// The twelve bytes before every message (RFC 1035, 4.1.1).
struct DNSHeader: BitwiseCopyable {
  let id: UInt16
  let flags: UInt16
  let questions: Int
  let answers: Int
  let authorities: Int
  let additionals: Int

  static let byteCount = 12

  init?(_ message: Bytes) {
    guard let id = message.be16(0), let flags = message.be16(2), let questions = message.be16(4),
      let answers = message.be16(6), let authorities = message.be16(8),
      let additionals = message.be16(10)
    else { return nil }
    self.id = id
    self.flags = flags
    self.questions = Int(questions)
    self.answers = Int(answers)
    self.authorities = Int(authorities)
    self.additionals = Int(additionals)
  }

  var isResponse: Bool { flags & 0x8000 != 0 }
  var opcode: UInt8 { UInt8(flags >> 11 & 0xf) }
  var isAuthoritative: Bool { flags & 0x0400 != 0 }
  var isTruncated: Bool { flags & 0x0200 != 0 }
  var wantsRecursion: Bool { flags & 0x0100 != 0 }
  var offersRecursion: Bool { flags & 0x0080 != 0 }
  var z: Bool { flags & 0x0040 != 0 }
  /// The three bits of RFC 1035's Z, of which AD and CD were made later (RFC 4035, 3).
  var reserved: UInt8 { UInt8(flags >> 4 & 7) }
  var rcode: UInt8 { UInt8(flags & 0xf) }

  /// Records behind the questions; three counts of 16 bits.
  var records: Int { answers &+ authorities &+ additionals }
}

/// A resource record but for its name and data, which stay in the message (RFC 1035, 4.1.3).
struct DNSRecord: BitwiseCopyable {
  /// Where its name begins.
  let name: Int
  let type: UInt16
  let recordClass: UInt16
  let ttl: UInt32
  /// Where its data is.
  let data: Int
  let dataLength: Int

  /// Where the next one begins; no overflow, both lie within the message.
  var next: Int { data &+ dataLength }

  /// Nil where it is not all there, or its name is none.
  init?(_ message: Bytes, at offset: Int) {
    guard let end = DNSName.skip(message, at: offset), let type = message.be16(end),
      let recordClass = message.be16(end &+ 2), let ttl = message.be32(end &+ 4),
      let length = message.be16(end &+ 8), message.has(Int(length), at: end &+ 10)
    else { return nil }
    name = offset
    self.type = type
    self.recordClass = recordClass
    self.ttl = ttl
    data = end &+ 10
    dataLength = Int(length)
  }

  func bytes(_ message: Bytes) -> Bytes { message.slice(data, dataLength) ?? .empty }
}

/// A question (RFC 1035, 4.1.2).
struct DNSQuestion: BitwiseCopyable {
  let name: Int
  let type: UInt16
  let recordClass: UInt16
  let next: Int

  init?(_ message: Bytes, at offset: Int) {
    guard let end = DNSName.skip(message, at: offset), let type = message.be16(end),
      let recordClass = message.be16(end &+ 2)
    else { return nil }
    name = offset
    self.type = type
    self.recordClass = recordClass
    next = end &+ 4
  }
}
