/// A domain name put together out of labels and pointers (RFC 1035, 4.1.4), as text: labels as they
/// came,
/// a dot between, none at the end.
struct DNSName: BitwiseCopyable {
  /// Bytes of text.
  var count = 0
  /// Where the message goes on behind it.
  var next = 0
  /// It is longer than ``longest``, and cut.
  var isTruncated = false
  /// A pointer leads forward, or round and round. The text ends before it where it leads nowhere.
  var isLoop = false
  /// Neither label nor pointer, or beyond the message's end: the text is what stood before.
  var isMalformed = false

  /// Where Suricata cuts a name, too. What is legal has 253 (RFC 1035, 2.3.4).
  static let longest = 1025
  /// Memory that ``read(_:at:into:)`` writes to: one label more than the longest name.
  static let bufferBytes = longest + 64
  /// A legal name has at the most 127 labels, so no more pointers than that make sense.
  static let mostPointers = 127

  var isSound: Bool { !isLoop && !isMalformed }

  /// Where the message goes on behind a name, without a look at what its pointers lead to.
  @inline(__always)
  static func skip(_ message: Bytes, at offset: Int) -> Int? {
    var place = offset
    while let length = message.u8(place) {
      if length == 0 { return place &+ 1 }
      if length >= 0xc0 { return message.has(2, at: place) ? place &+ 2 : nil }
      // 0x40 and 0x80: extended labels, which are gone (RFC 6891, 5), and never assigned.
      guard length < 0x40 else { return nil }
      place &+= 1 &+ Int(length)
    }
    return nil
  }

  /// Writes a name's text into `buffer`, which has ``bufferBytes``.
  ///
  /// At the most ``mostPointers`` pointers, ``longest`` bytes: a name costs no more than that,
  /// whatever
  /// the message says.
  static func read(
    _ message: Bytes, at offset: Int, into buffer: UnsafeMutablePointer<UInt8>
  ) -> DNSName {
    var name = DNSName()
    var place = offset
    var pointers = 0
    var run = offset
    // Text that stood before the first pointer that leads forward.
    var sound = -1
    name.next = -1
    while true {
      guard let length = message.u8(place) else {
        name.isMalformed = true
        break
      }
      if length == 0 {
        if name.next < 0 { name.next = place &+ 1 }
        break
      }
      if length >= 0xc0 {
        guard let pointer = message.be16(place) else {
          name.isMalformed = true
          break
        }
        if name.next < 0 { name.next = place &+ 2 }
        let target = Int(pointer & 0x3fff)
        if target >= run && !name.isLoop {
          // "A prior occurrance of the same name" (RFC 1035, 4.1.4) it is not. It is followed all
          // the same,
          // as others do.
          name.isLoop = true
          sound = name.count
        }
        pointers &+= 1
        if pointers > mostPointers || name.isTruncated {
          if name.isLoop { name.count = max(sound, 0) }
          name.isMalformed = name.isMalformed || pointers > mostPointers
          break
        }
        place = target
        run = target
        continue
      }
      guard length < 0x40, let label = message.slice(place &+ 1, Int(length)) else {
        name.isMalformed = true
        break
      }
      place &+= 1 &+ Int(length)
      if name.isTruncated {
        // What is left of it is only passed by.
        if name.next >= 0 { break }
        continue
      }
      if name.count > 0 {
        buffer[name.count] = UInt8(ascii: ".")
        name.count &+= 1
      }
      // Below `longest` before, and a dot and a label are no more than 64: within `bufferBytes`.
      (buffer + name.count).update(from: label.base, count: label.count)
      name.count &+= label.count
      if name.count > longest {
        name.count = longest
        name.isTruncated = true
      }
    }
    if name.isLoop && name.isTruncated { name.count = max(sound, 0) }
    if name.next < 0 { name.next = message.count }
    return name
  }
}
