/// What a file is by its first bytes. The names are those that Zeek gives.
enum FileMagic: UInt8, BitwiseCopyable {
  case unknown
  case html, xml, svg, json, script, plain
  case pdf, rtf, postscript, ole, zip, rar, sevenZip, gzip, bzip2, xz, zstd, cab, tar
  case png, jpeg, gif, webp, icon, bmp, tiff
  case dos, elf, machO, javaClass, wasm, flash
  case mp4, webm, mpegAudio, ogg, riff, woff, woff2
  case certificate

  /// First bytes that are looked at, where there are so many.
  static var longest: Int { 128 }

  var mimeType: StaticString {
    switch self {
    case .unknown: ""
    case .html: "text/html"
    case .xml: "application/xml"
    case .svg: "image/svg+xml"
    case .json: "text/json"
    case .script: "text/x-shellscript"
    case .plain: "text/plain"
    case .pdf: "application/pdf"
    case .rtf: "text/rtf"
    case .postscript: "application/postscript"
    case .ole: "application/msword"
    case .zip: "application/zip"
    case .rar: "application/x-rar"
    case .sevenZip: "application/x-7z-compressed"
    case .gzip: "application/x-gzip"
    case .bzip2: "application/x-bzip2"
    case .xz: "application/x-xz"
    case .zstd: "application/zstd"
    case .cab: "application/vnd.ms-cab-compressed"
    case .tar: "application/x-tar"
    case .png: "image/png"
    case .jpeg: "image/jpeg"
    case .gif: "image/gif"
    case .webp: "image/webp"
    case .icon: "image/x-icon"
    case .bmp: "image/x-ms-bmp"
    case .tiff: "image/tiff"
    case .dos: "application/x-dosexec"
    case .elf: "application/x-executable"
    case .machO: "application/x-mach-o-executable"
    case .javaClass: "application/x-java-applet"
    case .wasm: "application/wasm"
    case .flash: "application/x-shockwave-flash"
    case .mp4: "video/mp4"
    case .webm: "video/webm"
    case .mpegAudio: "audio/mpeg"
    case .ogg: "application/ogg"
    case .riff: "application/x-riff"
    case .woff: "font/woff"
    case .woff2: "font/woff2"
    case .certificate: "application/x-x509-user-cert"
    }
  }

  init(_ bytes: Bytes) { self = Self.binary(bytes) ?? Self.text(bytes) }

  /// By numbers that stand at a certain place.
  private static func binary(_ bytes: Bytes) -> FileMagic? {
    guard let first = bytes.u8(0) else { return .unknown }
    let word = bytes.be32(0) ?? 0
    switch first {
    case 0x89: return word == 0x8950_4e47 ? .png : nil
    case 0xff:
      if let next = bytes.be24(0), next == 0xffd8ff { return .jpeg }
      return bytes.be16(0).map { $0 & 0xffe6 == 0xffe2 } == true ? .mpegAudio : nil
    case 0x47: return bytes.starts(with: "GIF8") ? .gif : nil
    case 0x25:
      return bytes.starts(with: "%PDF-") ? .pdf : bytes.starts(with: "%!PS") ? .postscript : nil
    case 0x50: return word == 0x504b_0304 || word == 0x504b_0506 ? .zip : nil
    case 0x1f: return bytes.be24(0) == 0x1f8b08 ? .gzip : nil
    case 0x4d:
      if bytes.starts(with: "MSCF") { return .cab }
      if word == 0x4d4d_002a { return .tiff }
      // Two letters alone are found in texts, too.
      return bytes.starts(with: "MZ") && !isText(bytes) ? .dos : nil
    case 0x7f: return bytes.starts(with: "\u{7f}ELF") ? .elf : nil
    case 0x52:
      if bytes.starts(with: "Rar!") { return .rar }
      guard bytes.starts(with: "RIFF") else { return nil }
      return bytes.dropFirst(8).starts(with: "WEBP") ? .webp : .riff
    case 0x37: return word == 0x377a_bcaf ? .sevenZip : nil
    case 0x42:
      if bytes.starts(with: "BZh") { return .bzip2 }
      return bytes.starts(with: "BM") && bytes.be32(6) == 0 ? .bmp : nil
    case 0xfd: return word == 0xfd37_7a58 ? .xz : nil
    case 0x28: return word == 0x28b5_2ffd ? .zstd : nil
    case 0xd0: return word == 0xd0cf_11e0 ? .ole : nil
    case 0x49:
      if word == 0x4949_2a00 { return .tiff }
      return bytes.starts(with: "ID3") ? .mpegAudio : nil
    case 0xca:
      // A class file's version stands where a universal binary counts its architectures.
      guard word == 0xcafe_babe else { return nil }
      return bytes.be32(4).map { $0 & 0xffff < 40 } == true ? .machO : .javaClass
    case 0xcf: return word == 0xcffa_edfe ? .machO : nil
    case 0xce: return word == 0xcefa_edfe ? .machO : nil
    case 0x43, 0x46, 0x5a:
      // FWS, CWS, ZWS
      guard let next = bytes.be16(1), next == 0x5753, let version = bytes.u8(3) else { return nil }
      return version < 0x40 ? .flash : nil
    case 0x00:
      if word == 0x0000_0100, let count = bytes.le16(4), count > 0, count < 64 { return .icon }
      if word == 0x0061_736d { return .wasm }
      return bytes.dropFirst(4).starts(with: "ftyp") ? .mp4 : nil
    case 0x1a: return word == 0x1a45_dfa3 ? .webm : nil
    case 0x4f: return bytes.starts(with: "OggS") ? .ogg : nil
    case 0x77:
      return bytes.starts(with: "wOFF") ? .woff : bytes.starts(with: "wOF2") ? .woff2 : nil
    case 0x7b: return bytes.starts(with: "{\\rtf") ? .rtf : nil
    case 0x30:
      // SEQUENCE of SEQUENCE, both with lengths in two bytes.
      guard bytes.be16(0) == 0x3082, bytes.be16(4) == 0x3082 else { return nil }
      return .certificate
    default: return nil
    }
  }

  /// By words, behind white space and a byte order mark.
  private static func text(_ bytes: Bytes) -> FileMagic {
    var start = bytes.be24(0) == 0xefbbbf ? 3 : 0
    while let byte = bytes.u8(start), byte == 0x20 || byte &- 9 < 5 { start &+= 1 }
    let rest = bytes.dropFirst(start)
    guard isText(bytes) else { return .unknown }
    switch rest.u8(0) {
    case UInt8(ascii: "<"): return markup(rest)
    case UInt8(ascii: "#"): if rest.starts(with: "#!") { return .script }
    case UInt8(ascii: "{"), UInt8(ascii: "["): if isJSON(rest) { return .json }
    default: break
    }
    return rest.isEmpty ? .unknown : .plain
  }

  private static func markup(_ bytes: Bytes) -> FileMagic {
    if bytes.starts(withLowercase: "<?xml") { return .xml }
    if bytes.starts(withLowercase: "<svg") { return .svg }
    if bytes.starts(withLowercase: "<!doctype html") || bytes.starts(withLowercase: "<html")
      || bytes.starts(withLowercase: "<head") || bytes.starts(withLowercase: "<body")
      || bytes.starts(withLowercase: "<title") || bytes.starts(withLowercase: "<script")
      || bytes.starts(withLowercase: "<meta") || bytes.starts(withLowercase: "<!--")
      || bytes.starts(withLowercase: "<table") || bytes.starts(withLowercase: "<h1")
    {
      return .html
    }
    return .plain
  }

  /// An object or array whose first value begins as values do.
  private static func isJSON(_ bytes: Bytes) -> Bool {
    var place = 1
    while let byte = bytes.u8(place), byte == 0x20 || byte &- 9 < 5 { place &+= 1 }
    guard let byte = bytes.u8(place) else { return true }
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
      return true
    }
    guard bytes.u8(0) == UInt8(ascii: "[") else { return false }
    return byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "-")
      || byte &- 0x30 < 10
  }

  /// No control characters but those of text.
  private static func isText(_ bytes: Bytes) -> Bool {
    for i in 0..<bytes.count {
      let byte = bytes.base[i]
      if byte < 0x20 && byte &- 9 >= 5 && byte != 0x1b || byte == 0x7f { return false }
    }
    return true
  }
}
