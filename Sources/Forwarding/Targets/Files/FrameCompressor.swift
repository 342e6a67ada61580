internal import CCompression

/// Compresses each batch by itself: a gzip member (RFC 1952) or a zstd frame (RFC 8878). What follows
/// one another is one file to every reader, and what a crash leaves torn can be cut off at the end of
/// the last whole one.
enum FrameCompressor {
  static func compress(_ bytes: [UInt8], _ compression: FileTargetSettings.Compression) -> [UInt8]?
  {
    switch compression {
    case .none: bytes
    case .gzip: gzip(bytes)
    case .zstd: zstd(bytes)
    }
  }

  /// How many bytes at the front of a file are whole frames, or whole lines where nothing is
  /// compressed.
  static func wholeLength(
    _ file: UnsafeRawBufferPointer, _ compression: FileTargetSettings.Compression
  ) -> Int {
    switch compression {
    case .none: return (file.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
    case .gzip: return wholeMembers(file)
    case .zstd:
      var length = 0
      while length < file.count {
        let rest = UnsafeRawBufferPointer(rebasing: file[length...])
        let frame = ZSTD_findFrameCompressedSize(rest.baseAddress, rest.count)
        guard ZSTD_isError(frame) == 0, frame > 0 else { break }
        length += frame
      }
      return length
    }
  }

  private static func zstd(_ bytes: [UInt8]) -> [UInt8]? {
    let bound = ZSTD_compressBound(bytes.count)
    var size = 0
    let out = [UInt8](unsafeUninitializedCapacity: bound) { out, count in
      // Level 3 is zstd's own default.
      size = ZSTD_compress(out.baseAddress, bound, bytes, bytes.count, 3)
      count = ZSTD_isError(size) == 0 ? size : 0
    }
    return ZSTD_isError(size) == 0 ? out : nil
  }

  /// zlib's window of 32 KiB, and 16 for gzip's header.
  private static let gzipWindow: Int32 = 15 + 16

  private static func gzip(_ bytes: [UInt8]) -> [UInt8]? {
    var stream = z_stream()
    guard
      deflateInit2_(
        &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzipWindow, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return nil }
    defer { deflateEnd(&stream) }
    // Batches are bounded far below 4 GiB.
    guard bytes.count <= Int(UInt32.max) / 2 else { return nil }
    let bound = Int(deflateBound(&stream, uLong(bytes.count)))
    var input = bytes
    var result = Z_OK
    let out = [UInt8](unsafeUninitializedCapacity: bound) { out, count in
      input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = uInt(input.count)
        stream.next_out = out.baseAddress
        stream.avail_out = uInt(bound)
        result = deflate(&stream, Z_FINISH)
        count = bound - Int(stream.avail_out)
      }
    }
    return result == Z_STREAM_END ? out : nil
  }

  private static func wholeMembers(_ file: UnsafeRawBufferPointer) -> Int {
    var whole = 0
    while whole < file.count, let length = member(UnsafeRawBufferPointer(rebasing: file[whole...]))
    {
      whole += length
    }
    return whole
  }

  /// The length of the gzip member at the front, its check sums right; nil where it is torn.
  private static func member(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var stream = z_stream()
    guard
      inflateInit2_(&stream, gzipWindow, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return nil }
    defer { inflateEnd(&stream) }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1 << 16) { sink in
      var offset = 0
      while true {
        // zlib counts in 32 bits; files may be longer.
        let chunk = min(bytes.count - offset, 1 << 24)
        stream.next_in = UnsafeMutablePointer(
          mutating: bytes.baseAddress?.advanced(by: offset).assumingMemoryBound(to: UInt8.self))
        stream.avail_in = uInt(chunk)
        stream.next_out = sink.baseAddress
        stream.avail_out = uInt(sink.count)
        let result = inflate(&stream, Z_NO_FLUSH)
        offset += chunk - Int(stream.avail_in)
        if result == Z_STREAM_END { return offset }
        // Without room to write there is more to come; without anything to read it is torn.
        guard result == Z_OK, offset < bytes.count || stream.avail_out == 0 else { return nil }
      }
    }
  }
}
