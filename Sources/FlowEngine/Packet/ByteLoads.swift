// Loads of network-order integers, and of the few little-endian ones, at any alignment. None checks bounds: each call stands behind a
// length check of its header that its caller makes.

extension UnsafePointer where Pointee == UInt8 {
  @inlinable @inline(__always)
  package func u8(_ offset: Int) -> UInt8 { self[offset] }

  @inlinable @inline(__always)
  package func be16(_ offset: Int) -> UInt16 {
    UInt16(bigEndian: UnsafeRawPointer(self).loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  @inlinable @inline(__always)
  package func be32(_ offset: Int) -> UInt32 {
    UInt32(bigEndian: UnsafeRawPointer(self).loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  @inlinable @inline(__always)
  package func be64(_ offset: Int) -> UInt64 {
    UInt64(bigEndian: UnsafeRawPointer(self).loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inlinable @inline(__always)
  package func le16(_ offset: Int) -> UInt16 { be16(offset).byteSwapped }

  @inlinable @inline(__always)
  package func le32(_ offset: Int) -> UInt32 { be32(offset).byteSwapped }
}
