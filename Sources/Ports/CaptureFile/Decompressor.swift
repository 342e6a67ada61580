import CCompression

/// A stream of one compression method, turned back into bytes piece by piece. Several members or
/// frames one behind the other are one stream, as their own programs have it.
final class Decompressor {
  enum Step {
    /// Goes on.
    case more
    /// A member or frame is whole; more may follow.
    case frameEnd
    case failed(String)
  }

  let method: CompressionMethod
  private var zlib = z_stream()
  private var lzma = lzma_stream()
  private var zstd: OpaquePointer?
  private var lz4: OpaquePointer?
  /// The stream may end here: no member is open.
  private(set) var isBetweenFrames = true

  /// Memory that xz may take; its largest dictionaries need 1.5 GB, usual ones 65 MB.
  private static let xzMemoryLimit: UInt64 = 256 << 20

  init(_ method: CompressionMethod) {
    self.method = method
    switch method {
    case .gzip:
      // 15 bits of window, 16: with gzip's header.
      let result = inflateInit2_(
        &zlib, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
      precondition(result == Z_OK, "zlib has the version it was compiled with")
    case .zstd: zstd = ZSTD_createDStream()
    case .lz4: LZ4F_createDecompressionContext(&lz4, UInt32(LZ4F_VERSION))
    case .xz: startXZ()
    }
  }

  deinit {
    switch method {
    case .gzip: inflateEnd(&zlib)
    case .zstd: ZSTD_freeDStream(zstd)
    case .lz4: LZ4F_freeDecompressionContext(lz4)
    case .xz: lzma_end(&lzma)
    }
  }

  private func startXZ() {
    // Zeroed memory is LZMA_STREAM_INIT.
    // 8: LZMA_CONCATENATED, a macro that Swift does not see.
    let result = lzma_stream_decoder(&lzma, Self.xzMemoryLimit, 8)
    precondition(result == LZMA_OK, "liblzma gives a decoder")
  }

  /// Takes bytes from `input` and gives bytes to `output`, as many as fit; both ranges move on.
  /// `isLast`: nothing follows `input`.
  func step(
    _ input: UnsafePointer<UInt8>, _ inputRange: inout Range<Int>,
    _ output: UnsafeMutablePointer<UInt8>, _ outputRange: inout Range<Int>, isLast: Bool
  ) -> Step {
    switch method {
    case .gzip: stepGzip(input, &inputRange, output, &outputRange)
    case .zstd: stepZstd(input, &inputRange, output, &outputRange)
    case .lz4: stepLZ4(input, &inputRange, output, &outputRange)
    case .xz: stepXZ(input, &inputRange, output, &outputRange, isLast: isLast)
    }
  }

  private func stepGzip(
    _ input: UnsafePointer<UInt8>, _ inputRange: inout Range<Int>,
    _ output: UnsafeMutablePointer<UInt8>, _ outputRange: inout Range<Int>
  ) -> Step {
    if isBetweenFrames {
      // gzip itself passes over zeros between members: tapes and some writers pad with them.
      while let at = inputRange.first, input[at] == 0 {
        inputRange = inputRange.dropFirst()
      }
      if inputRange.isEmpty { return .more }
      inflateReset(&zlib)
      isBetweenFrames = false
    }
    zlib.next_in = UnsafeMutablePointer(mutating: input + inputRange.lowerBound)
    zlib.avail_in = UInt32(inputRange.count)
    zlib.next_out = output + outputRange.lowerBound
    zlib.avail_out = UInt32(outputRange.count)
    let result = inflate(&zlib, Z_NO_FLUSH)
    inputRange = inputRange.upperBound - Int(zlib.avail_in)..<inputRange.upperBound
    outputRange = outputRange.upperBound - Int(zlib.avail_out)..<outputRange.upperBound
    switch result {
    case Z_STREAM_END:
      isBetweenFrames = true
      return .frameEnd
    case Z_OK, Z_BUF_ERROR: return .more
    default:
      return .failed(zlib.msg.map { String(cString: $0) } ?? "zlib error \(result)")
    }
  }

  private func stepZstd(
    _ input: UnsafePointer<UInt8>, _ inputRange: inout Range<Int>,
    _ output: UnsafeMutablePointer<UInt8>, _ outputRange: inout Range<Int>
  ) -> Step {
    // With nothing to look at, it would say that a next frame is wanted.
    if isBetweenFrames && inputRange.isEmpty { return .more }
    var from = ZSTD_inBuffer(
      src: input, size: inputRange.upperBound, pos: inputRange.lowerBound)
    var to = ZSTD_outBuffer(
      dst: output, size: outputRange.upperBound, pos: outputRange.lowerBound)
    let result = ZSTD_decompressStream(zstd, &to, &from)
    inputRange = from.pos..<inputRange.upperBound
    outputRange = to.pos..<outputRange.upperBound
    if ZSTD_isError(result) != 0 { return .failed(String(cString: ZSTD_getErrorName(result))) }
    isBetweenFrames = result == 0
    return result == 0 ? .frameEnd : .more
  }

  private func stepLZ4(
    _ input: UnsafePointer<UInt8>, _ inputRange: inout Range<Int>,
    _ output: UnsafeMutablePointer<UInt8>, _ outputRange: inout Range<Int>
  ) -> Step {
    // As above.
    if isBetweenFrames && inputRange.isEmpty { return .more }
    var taken = inputRange.count
    var given = outputRange.count
    let result = LZ4F_decompress(
      lz4, output + outputRange.lowerBound, &given, input + inputRange.lowerBound, &taken, nil)
    inputRange = inputRange.lowerBound + taken..<inputRange.upperBound
    outputRange = outputRange.lowerBound + given..<outputRange.upperBound
    if LZ4F_isError(result) != 0 { return .failed(String(cString: LZ4F_getErrorName(result))) }
    isBetweenFrames = result == 0
    return result == 0 ? .frameEnd : .more
  }

  private func stepXZ(
    _ input: UnsafePointer<UInt8>, _ inputRange: inout Range<Int>,
    _ output: UnsafeMutablePointer<UInt8>, _ outputRange: inout Range<Int>, isLast: Bool
  ) -> Step {
    lzma.next_in = input + inputRange.lowerBound
    lzma.avail_in = inputRange.count
    lzma.next_out = output + outputRange.lowerBound
    lzma.avail_out = outputRange.count
    // With concatenated streams only LZMA_FINISH says that the last one is whole.
    let result = lzma_code(&lzma, isLast ? LZMA_FINISH : LZMA_RUN)
    inputRange = inputRange.upperBound - lzma.avail_in..<inputRange.upperBound
    outputRange = outputRange.upperBound - lzma.avail_out..<outputRange.upperBound
    isBetweenFrames = result == LZMA_STREAM_END
    switch result {
    case LZMA_STREAM_END: return .frameEnd
    case LZMA_OK, LZMA_BUF_ERROR: return .more
    case LZMA_MEMLIMIT_ERROR:
      return .failed("its dictionary needs more than \(Self.xzMemoryLimit >> 20) MiB")
    case LZMA_FORMAT_ERROR: return .failed("no xz header where one should be")
    case LZMA_DATA_ERROR: return .failed("xz data that contradicts itself")
    default: return .failed("liblzma error \(result.rawValue)")
    }
  }
}
