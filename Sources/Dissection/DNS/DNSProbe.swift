/// Whether bytes are a message: names, types and classes have to fit, which random bytes do not.
enum DNSProbe {
  /// No more questions and records than this, where no port says what it is.
  private static let mostRecords = 2048

  enum Look { case no, maybe, yes }

  /// `bytes` are a message's beginning, of `length` bytes in all; unknown, and then it may be cut
  /// by the
  /// capture, where nil. `isExpected`: the ports promise it.
  static func look(_ bytes: Bytes, length: Int?, isExpected: Bool) -> Look {
    let total = length ?? bytes.count
    guard total >= DNSHeader.byteCount else { return .no }
    guard flagsFit(bytes, isExpected) else { return .no }
    guard let header = DNSHeader(bytes) else {
      return isExpected || countsFit(bytes) ? .maybe : .no
    }
    guard header.questions &+ header.records > 0 else {
      // Some servers say that they do not understand, and repeat nothing.
      return isExpected && header.isResponse && header.rcode != 0 && total == DNSHeader.byteCount
        ? .yes : .no
    }
    if !isExpected && header.questions &+ header.records > mostRecords { return .no }
    // A question is five bytes at least, a record eleven.
    let least = DNSHeader.byteCount &+ header.questions &* 5 &+ header.records &* 11
    if least > total && !(isExpected && (length == nil || header.isTruncated)) { return .no }
    return content(bytes, header, total, isCut: length == nil, isExpected)
  }

  /// The flags, as far as they are there: a kind of query that there is, and no code in a query.
  private static func flagsFit(_ bytes: Bytes, _ isExpected: Bool) -> Bool {
    guard let flags = bytes.be16(2), !isExpected else { return true }
    let opcode = flags >> 11 & 0xf
    if opcode > 6 || opcode == 3 { return false }
    if flags & 0x8000 == 0 && (flags & 0xf != 0 || flags & 0x0400 != 0) { return false }
    return flags & 0x0040 == 0 && flags & 0xf <= 10
  }

  /// Counts below ``mostRecords``, as far as they are there.
  private static func countsFit(_ bytes: Bytes) -> Bool {
    for place in stride(from: 4, to: DNSHeader.byteCount, by: 2) {
      if let high = bytes.u8(place), high >= 8 { return false }
    }
    return true
  }

  private static func content(
    _ bytes: Bytes, _ header: DNSHeader, _ total: Int, isCut: Bool, _ isExpected: Bool
  ) -> Look {
    var offset = DNSHeader.byteCount
    for place in 0..<header.questions {
      guard let question = DNSQuestion(bytes, at: offset) else {
        return short(bytes, at: offset, total, isCut && isExpected && place > 0)
      }
      if !classFits(question.recordClass) || question.type == 0 { return .no }
      if !isExpected && isNetBIOS(bytes, at: offset) { return .no }
      offset = question.next
      // Over a stream the first question is enough: the rest may come much later.
      if !isCut && !header.isResponse { return .yes }
      if place == 0 && isExpected { return .yes }
    }
    for place in 0..<header.records {
      guard let record = DNSRecord(bytes, at: offset) else {
        return short(bytes, at: offset, total, isCut && isExpected && place > 0)
      }
      if record.type != DNSType.opt && !classFits(record.recordClass) { return .no }
      offset = record.next
      if !isCut || isExpected { return .yes }
    }
    return offset == total ? .yes : .no
  }

  /// What is not there: it may still come, or it is no message.
  private static func short(_ bytes: Bytes, at offset: Int, _ total: Int, _ isLikely: Bool) -> Look
  {
    if isLikely { return .yes }
    guard bytes.count < total else { return .no }
    return labelsFit(bytes, at: offset) ? .maybe : .no
  }

  /// Labels as far as they are there.
  private static func labelsFit(_ bytes: Bytes, at offset: Int) -> Bool {
    var place = offset
    while let length = bytes.u8(place) {
      if length == 0 || length >= 0xc0 { return true }
      guard length < 0x40 else { return false }
      place &+= 1 &+ Int(length)
    }
    return place &- offset <= 255
  }

  private static func classFits(_ value: UInt16) -> Bool {
    // The highest bit is mDNS's.
    DNSClass.name(value & 0x7fff) != nil || value == 0x8000 | DNSClass.internet
  }

  /// NetBIOS's names have the same form: 32 letters from A to P in the first label (RFC 1001,
  /// 14.1).
  static func isNetBIOS(_ bytes: Bytes, at offset: Int) -> Bool {
    guard bytes.u8(offset) == 32, let label = bytes.slice(offset &+ 1, 32) else { return false }
    for i in 0..<32 {
      guard let byte = label.u8(i), byte &- 0x41 < 16 else { return false }
    }
    return true
  }
}
