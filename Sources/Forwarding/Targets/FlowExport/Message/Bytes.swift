extension [UInt8] {
  /// Appends an integer in network order.
  mutating func append(network value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  /// Overwrites the bytes at an offset with an integer in network order.
  mutating func put(network value: some FixedWidthInteger, at offset: Int) {
    Swift.withUnsafeBytes(of: value.bigEndian) { bytes in
      for (index, byte) in bytes.enumerated() { self[offset + index] = byte }
    }
  }
}
