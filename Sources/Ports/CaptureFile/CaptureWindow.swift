import CBurst

/// Contiguous bytes of a capture, and how far they have been read.
struct CaptureWindow {
  var base: UnsafePointer<UInt8>
  var offset: Int
  var end: Int
  /// Nothing comes behind `end`.
  var isLast: Bool
  /// Offset of `base` in the whole (decompressed) file.
  var fileOffset: UInt64

  static var empty: CaptureWindow {
    CaptureWindow(
      base: UnsafePointer(bitPattern: 1)!, offset: 0, end: 0, isLast: false, fileOffset: 0)
  }

  var available: Int { end - offset }
  var position: UInt64 { fileOffset + UInt64(offset) }

  /// Where the next packet begins is known only from this one, so its header would be waited for each
  /// time. Instead all lines that lie some way ahead are fetched as the reading moves on by as many.
  @inline(__always)
  func fetchAhead(from: Int, to: Int) {
    var line = from & ~63
    while line < to & ~63 {
      // Beyond the end of the window a prefetch does nothing.
      martlet_prefetch(base + (line &+ Self.distance))
      line &+= 64
    }
  }

  /// Bytes: a few large packets.
  private static var distance: Int { 4096 }

  @inline(__always)
  func load<T: FixedWidthInteger & BitwiseCopyable>(_ at: Int, as: T.Type, swapped: Bool) -> T {
    let value = UnsafeRawPointer(base + at).loadUnaligned(as: T.self)
    return swapped ? value.byteSwapped : value
  }
}

/// Why a parser stopped.
enum ParseStop {
  /// The caller's room is full, or the next packet is later than wanted.
  case full
  /// The next record is not whole yet: it needs so many bytes from the window's offset on.
  case needs(Int)
  case damaged(String)
}

/// Where a packet stands in its input.
package struct PacketLocation: BitwiseCopyable, Sendable {
  /// Number of the input.
  package var file: UInt32
  /// Offset of its first byte in the (decompressed) file.
  package var offset: UInt64

  package init(file: UInt32, offset: UInt64) {
    self.file = file
    self.offset = offset
  }
}
