/// What a capture file is, by its first bytes.
package enum CaptureFormat: Sendable, Equatable {
  case pcap
  case pcapng
  case compressed(CompressionMethod)

  /// How many of a file's first bytes are looked at.
  static let magicLength = 6

  /// Nil for what is no capture file.
  static func detect(_ bytes: UnsafeRawBufferPointer) -> CaptureFormat? {
    func starts(_ magic: [UInt8]) -> Bool { bytes.starts(with: magic) }
    if starts([0x0a, 0x0d, 0x0d, 0x0a]) { return .pcapng }
    if PcapParser.isMagic(bytes) { return .pcap }
    if starts([0x1f, 0x8b]) { return .compressed(.gzip) }
    if starts([0x28, 0xb5, 0x2f, 0xfd]) { return .compressed(.zstd) }
    // A skippable frame (RFC 8878, section 3.1.2): pzstd begins with one.
    if bytes.count >= 4 && bytes[0] & 0xf0 == 0x50
      && bytes[1...3].elementsEqual([0x2a, 0x4d, 0x18])
    {
      return .compressed(.zstd)
    }
    if starts([0x04, 0x22, 0x4d, 0x18]) { return .compressed(.lz4) }
    if starts([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) { return .compressed(.xz) }
    return nil
  }

  /// What a file is instead, for those that people take for captures.
  static func describeOther(_ bytes: UnsafeRawBufferPointer) -> String {
    func starts(_ text: String) -> Bool { bytes.starts(with: Array(text.utf8)) }
    if bytes.isEmpty { return "is empty" }
    let advice = "; convert it with `editcap -F pcapng`"
    if starts("snoop\0") { return "is a snoop file" + advice }
    if starts("XCP\0") { return "is a NetXRay or Windows Sniffer file" + advice }
    if starts("GMBU") || starts("RTSS") { return "is a Network Monitor file" + advice }
    if starts("TRSNIF") { return "is a Sniffer file" + advice }
    if starts("BZh") { return "is compressed with bzip2; unpack it first" }
    if starts("PK\u{3}\u{4}") { return "is a ZIP archive; unpack it first" }
    return "is neither pcap nor pcapng"
  }
}

package enum CompressionMethod: String, Sendable {
  case gzip, zstd, lz4, xz
}

/// Something wrong with one input. What was read before it counts.
package struct CaptureProblem: Error, Sendable, CustomStringConvertible {
  package enum Kind: Sendable {
    /// Cannot be opened or read.
    case unreadable
    /// No capture file.
    case notACapture
    /// Ends within a packet, a block or a compressed stream.
    case cut
    /// Its bytes make no sense from some place on.
    case damaged
    /// A file of a rotation is missing.
    case missing
  }

  package var kind: Kind
  package var file: String
  /// Of the (decompressed) file; nil where no place can be told.
  package var byteOffset: UInt64?
  package var text: String

  package init(_ kind: Kind, file: String, byteOffset: UInt64? = nil, _ text: String) {
    self.kind = kind
    self.file = file
    self.byteOffset = byteOffset
    self.text = text
  }

  package var description: String {
    let place = byteOffset.map { " at byte \($0)" } ?? ""
    return "\(file): \(text)\(place)"
  }
}
