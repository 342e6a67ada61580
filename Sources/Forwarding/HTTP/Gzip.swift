internal import CCompression

/// Bodies of requests, compressed (RFC 1952).
enum Gzip {
  /// The bytes as a gzip member; the quickest level, since links are faster than what SIEMs take in.
  static func compress(_ bytes: [UInt8]) throws(TargetFault) -> [UInt8] {
    var stream = z_stream()
    // 15 bits of window, and 16 more for gzip's header and trailer in place of zlib's.
    let begun = deflateInit2_(
      &stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard begun == Z_OK else { throw TargetFault("no memory to compress a request's body") }
    defer { deflateEnd(&stream) }
    let bound = Int(deflateBound(&stream, UInt(bytes.count)))
    // zlib does not write to its input, which its C type does not say.
    return bytes.withUnsafeBufferPointer { source in
      [UInt8](unsafeUninitializedCapacity: bound) { target, count in
        stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
        stream.avail_in = UInt32(source.count)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(bound)
        // Cannot fail: `bound` is room enough for all in one go.
        deflate(&stream, Z_FINISH)
        count = bound - Int(stream.avail_out)
      }
    }
  }
}
