internal import Records

/// How a body is encoded (RFC 9110, section 8.4): gzip and deflate are decoded where it is hashed.
enum HTTPCoding: UInt8, BitwiseCopyable {
  case none = 0
  case gzip
  case deflate
  case other

  /// Content-Encoding's value.
  init(_ value: Bytes?) {
    guard let value, !value.isEmpty, !value.equals(lowercase: "identity") else {
      self = .none
      return
    }
    if value.equals(lowercase: "gzip") || value.equals(lowercase: "x-gzip") {
      self = .gzip
    } else {
      self = value.equals(lowercase: "deflate") ? .deflate : .other
    }
  }

  /// The number of a decompressor for it; 0 where it has none, or none is free.
  func inflater(_ d: Delivery) -> UInt8 {
    switch self {
    case .gzip: d.core.pointee.inflaters.take(isDeflate: false)
    case .deflate: d.core.pointee.inflaters.take(isDeflate: true)
    case .none, .other: 0
    }
  }
}

extension Delivery {
  /// Content-Disposition's file name (RFC 6266), where files are recorded.
  func writeFilename(_ w: inout EventWriter, _ field: EventField, _ disposition: Bytes) {
    guard settings.hashesFiles || settings.wantsHiddenRecords, !settings.isHeaderOnly else {
      return
    }
    var place = 0
    while let found = disposition.firstIndex(of: "ilename=", from: place) {
      place = found &+ 8
      var name = disposition.dropFirst(place)
      if name.u8(0) == UInt8(ascii: "\"") {
        name = name.dropFirst(1)
        name = name.prefix(name.firstIndex(of: UInt8(ascii: "\"")) ?? name.count)
      } else {
        name = name.prefix(name.firstIndex(of: UInt8(ascii: ";")) ?? name.count).trimmed
      }
      if !name.isEmpty { return redacted(&w, field, name) }
    }
  }
}
