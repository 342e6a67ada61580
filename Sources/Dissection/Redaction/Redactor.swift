internal import FlowEngine

/// Names of parameters and header fields whose values nobody is to see, compiled from
/// ``DissectionSettings/redactedNames`` into plain memory.
///
///     256 groups by length, 8 bytes each     | the names, those of one length together
///     | first letters 4 | start 2 | count 2 | password | passwd | …
///
/// A name is met if length and first letter are (two loads), and then all of it is. Case does not matter.
struct Redactor: BitwiseCopyable {
  private let memory: UnsafeMutableRawPointer
  /// There are names at all.
  let hasNames: Bool

  /// The longest name; what is longer in the settings is cut, and met by its beginning.
  static let longestName = 255
  private static let groups = 256
  private static let groupBytes = 8
  /// All names' bytes together; a start is 16 bits.
  private static let mostBytes = 65_535

  /// Room for one name as it is meant; only its worker looks names up.
  private let decodedOffset: Int

  init(names: [String], plan: inout MemoryPlan, touch: Bool) {
    var byLength = [[[UInt8]]](repeating: [], count: Self.groups)
    var sum = 0
    for name in names {
      let bytes = name.utf8.prefix(Self.longestName).map(Bytes.lowercase)
      if bytes.isEmpty || byLength[bytes.count].contains(bytes) { continue }
      precondition(sum + bytes.count <= Self.mostBytes, "names to redact: more than 64 KiB")
      sum += bytes.count
      byLength[bytes.count].append(bytes)
    }
    hasNames = sum > 0
    decodedOffset = Self.groups * Self.groupBytes + sum
    memory = plan.take("names to redact", bytes: decodedOffset + Self.longestName)
    guard touch else { return }
    var start = 0
    for (length, names) in byLength.enumerated() {
      let group = memory + length * Self.groupBytes
      var letters: UInt32 = 0
      for (index, name) in names.enumerated() {
        letters |= Self.letter(name[0])
        let place = Self.groups * Self.groupBytes + start + index * length
        for (i, byte) in name.enumerated() {
          memory.storeBytes(of: byte, toByteOffset: place + i, as: UInt8.self)
        }
      }
      group.storeBytes(of: letters, as: UInt32.self)
      group.storeBytes(of: UInt16(start), toByteOffset: 4, as: UInt16.self)
      group.storeBytes(of: UInt16(names.count), toByteOffset: 6, as: UInt16.self)
      start += length * names.count
    }
  }

  @inline(__always)
  private static func letter(_ byte: UInt8) -> UInt32 { 1 << UInt32(byte & 31) }

  /// A parameter or a header field has a name that is listed. `%70assword` is `password`, and of
  /// `user[password]` and `password[]` the last part that is not empty is looked at, too. So is the last
  /// word of `new_password`, `X-Auth-Token` and `accessToken`.
  func isSecret(name: Bytes) -> Bool {
    guard hasNames, !name.isEmpty else { return false }
    if name.firstIndex(of: UInt8(ascii: "%")) == nil && name.base[name.count &- 1] != 0x5d {
      return isListed(name) || isListed(Self.lastWord(name))
    }
    return isSecretDecoded(name)
  }

  /// What stands behind the last `_`, `-` or `.`, or from the last capital on that follows a small letter.
  private static func lastWord(_ name: Bytes) -> Bytes {
    var place = name.count
    while place > 0 {
      place &-= 1
      let byte = name.base[place]
      if byte == 0x5f || byte == 0x2d || byte == 0x2e { return name.dropFirst(place &+ 1) }
      if byte &- 0x41 < 26, place > 0, name.base[place &- 1] &- 0x61 < 26 {
        return name.dropFirst(place)
      }
    }
    return .empty
  }

  @inline(__always)
  private func isListed(_ name: Bytes) -> Bool {
    guard name.count > 0, name.count <= Self.longestName else { return false }
    // One group for each length up to 255.
    let group = UnsafeRawPointer(memory) + name.count &* Self.groupBytes
    guard group.load(as: UInt32.self) & Self.letter(Bytes.lowercase(name.base[0])) != 0 else {
      return false
    }
    let count = Int(group.load(fromByteOffset: 6, as: UInt16.self))
    var place =
      Self.groups &* Self.groupBytes &+ Int(group.load(fromByteOffset: 4, as: UInt16.self))
    for _ in 0..<count {
      var same = 0
      while same < name.count,
        Bytes.lowercase(name.base[same])
          == memory.load(fromByteOffset: place &+ same, as: UInt8.self)
      {
        same &+= 1
      }
      if same == name.count { return true }
      place &+= name.count
    }
    return false
  }

  /// Of names with escapes or brackets.
  @inline(never)
  private func isSecretDecoded(_ name: Bytes) -> Bool {
    let base = (memory + decodedOffset).assumingMemoryBound(to: UInt8.self)
    var (count, position) = (0, 0)
    while position < name.count {
      // So long a name is none of them.
      if count == Self.longestName { return false }
      let (byte, length) = Self.decoded(name, position)
      base[count] = byte
      count &+= 1
      position &+= length
    }
    if isListed(Bytes(base, count)) || isListed(Self.lastWord(Bytes(base, count))) { return true }
    // `a[b][]`: the last part in brackets, or what stands before empty ones.
    var end = count
    while end > 0 {
      while end > 0, base[end &- 1] == 0x5d || base[end &- 1] == 0x5b { end &-= 1 }
      var start = end
      while start > 0, base[start &- 1] != 0x5b, base[start &- 1] != 0x5d { start &-= 1 }
      let part = Bytes(base + start, end &- start)
      if isListed(part) || isListed(Self.lastWord(part)) { return true }
      end = start
    }
    return false
  }

  /// A byte at a place, and how many bytes write it: `%41` is three.
  @inline(__always)
  static func decoded(_ bytes: Bytes, _ position: Int) -> (UInt8, Int) {
    guard let byte = bytes.u8(position) else { return (0, 1) }
    // `%` and two digits.
    guard byte == 0x25, let digits = bytes.slice(position &+ 1, 2), let value = digits.hexadecimal
    else { return (byte, 1) }
    return (UInt8(truncatingIfNeeded: value), 3)
  }
}
