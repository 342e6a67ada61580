/// Writes a JSON object member by member, each given with the objects around it; those are opened
/// and closed as the members come, so members of one object must come together.
struct JSONObjectWriter {
  /// What has been written; the value of a member is appended here, behind its key.
  var bytes: [UInt8] = [UInt8(ascii: "{")]
  private var open: [[UInt8]] = []

  init(capacity: Int) { bytes.reserveCapacity(capacity) }

  /// Appends `"name":`.
  mutating func key(_ parents: [[UInt8]], _ name: [UInt8]) {
    var common = 0
    while common < open.count, common < parents.count, open[common] == parents[common] {
      common += 1
    }
    close(to: common)
    for parent in parents.dropFirst(common) {
      bytes.appendJSONKey(parent)
      bytes.append(UInt8(ascii: "{"))
      open.append(parent)
    }
    bytes.appendJSONKey(name)
  }

  /// The whole object.
  mutating func finish() -> [UInt8] {
    close(to: 0)
    bytes.append(UInt8(ascii: "}"))
    return bytes
  }

  private mutating func close(to depth: Int) {
    while open.count > depth {
      bytes.append(UInt8(ascii: "}"))
      open.removeLast()
    }
  }
}
