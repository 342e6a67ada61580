/// Capture files made byte by byte, so that a test says what is in them.

/// Numbers in a byte order.
struct ByteWriter {
  var bytes: [UInt8] = []
  var isBigEndian = false

  mutating func put<T: FixedWidthInteger>(_ value: T) {
    withUnsafeBytes(of: isBigEndian ? value.bigEndian : value.littleEndian) { bytes += $0 }
  }

  mutating func pad(to multiple: Int) {
    while bytes.count % multiple != 0 { bytes.append(0) }
  }
}

struct PcapBuilder {
  private var writer = ByteWriter()
  private let isKuznetzov: Bool
  var bytes: [UInt8] { writer.bytes }

  init(
    magic: UInt32 = 0xa1b2_c3d4, isBigEndian: Bool = false, major: UInt16 = 2, minor: UInt16 = 4,
    linkType: UInt32 = 1
  ) {
    writer.isBigEndian = isBigEndian
    isKuznetzov = magic == 0xa1b2_cd34
    writer.put(magic)
    writer.put(major)
    writer.put(minor)
    writer.put(UInt32(0))
    writer.put(UInt32(0))
    writer.put(UInt32(262_144))
    writer.put(linkType)
  }

  mutating func add(_ seconds: UInt32, _ fraction: UInt32, _ data: [UInt8], wire: UInt32? = nil) {
    add(
      seconds, fraction, first: UInt32(data.count), second: wire ?? UInt32(data.count), data)
  }

  /// With the two lengths as given.
  mutating func add(
    _ seconds: UInt32, _ fraction: UInt32, first: UInt32, second: UInt32, _ data: [UInt8]
  ) {
    writer.put(seconds)
    writer.put(fraction)
    writer.put(first)
    writer.put(second)
    // Interface index, protocol, packet type and padding.
    if isKuznetzov { writer.bytes += [7, 0, 0, 0, 8, 0, 1, 0] }
    writer.bytes += data
  }
}

struct PcapngBuilder {
  /// How a block whose content does not fill whole words is written.
  enum Padding {
    case counted
    /// The length leaves the padding out, which is there.
    case uncounted
    /// There is none.
    case missing
  }

  typealias Option = (code: UInt16, value: [UInt8])

  var bytes: [UInt8] = []
  var isBigEndian = false
  var padding = Padding.counted

  private func writer() -> ByteWriter { ByteWriter(isBigEndian: isBigEndian) }

  mutating func block(_ type: UInt32, _ body: [UInt8]) {
    var out = writer()
    let padded = (body.count + 3) & ~3
    out.put(type)
    out.put(UInt32(12 + (padding == .counted ? padded : body.count)))
    out.bytes += body
    if padding != .missing { out.pad(to: 4) }
    out.put(UInt32(12 + (padding == .counted ? padded : body.count)))
    bytes += out.bytes
  }

  private func options(_ options: [Option]) -> [UInt8] {
    guard !options.isEmpty else { return [] }
    var out = writer()
    for option in options {
      out.put(option.code)
      out.put(UInt16(option.value.count))
      out.bytes += option.value
      out.pad(to: 4)
    }
    out.put(UInt32(0))
    return out.bytes
  }

  mutating func section(_ given: [Option] = []) {
    var out = writer()
    out.put(UInt32(0x1a2b_3c4d))
    out.put(UInt16(1))
    out.put(UInt16(0))
    out.put(Int64(-1))
    block(0x0a0d_0d0a, out.bytes + options(given))
  }

  mutating func interface(
    linkType: UInt16 = 1, snapLength: UInt32 = 0, resolution: UInt8? = nil,
    offsetSeconds: Int64? = nil, _ given: [Option] = []
  ) {
    var out = writer()
    out.put(linkType)
    out.put(UInt16(0))
    out.put(snapLength)
    var all = given
    if let resolution { all.append((9, [resolution])) }
    if let offsetSeconds {
      var value = writer()
      value.put(offsetSeconds)
      all.append((14, value.bytes))
    }
    block(1, out.bytes + options(all))
  }

  mutating func enhanced(
    _ interface: UInt32, _ time: UInt64, _ data: [UInt8], wire: UInt32? = nil,
    _ given: [Option] = []
  ) {
    var out = writer()
    out.put(interface)
    out.put(UInt32(time >> 32))
    out.put(UInt32(truncatingIfNeeded: time))
    out.put(UInt32(data.count))
    out.put(wire ?? UInt32(data.count))
    out.bytes += data
    if !given.isEmpty { out.pad(to: 4) }
    block(6, out.bytes + options(given))
  }

  mutating func simple(_ data: [UInt8], wire: UInt32? = nil) {
    var out = writer()
    out.put(wire ?? UInt32(data.count))
    out.bytes += data
    block(3, out.bytes)
  }

  mutating func obsolete(_ interface: UInt16, _ time: UInt64, _ data: [UInt8], drops: UInt16 = 0) {
    var out = writer()
    out.put(interface)
    out.put(drops)
    out.put(UInt32(time >> 32))
    out.put(UInt32(truncatingIfNeeded: time))
    out.put(UInt32(data.count))
    out.put(UInt32(data.count))
    out.bytes += data
    block(2, out.bytes)
  }

  mutating func statistics(_ interface: UInt32, interfaceDrops: UInt64, systemDrops: UInt64) {
    var out = writer()
    out.put(interface)
    out.put(UInt64(0))
    var first = writer()
    first.put(interfaceDrops)
    var second = writer()
    second.put(systemDrops)
    block(5, out.bytes + options([(5, first.bytes), (7, second.bytes)]))
  }
}

/// Numbers from a seed, the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}
