import Records

/// Records of the sizes that redis-benchmark is given: one field of 420 bytes, or 25 fields of 12.
enum PublishBench {
  static let eveBytes = 420
  static let fields = 25

  static func batch(of count: Int, _ format: RecordFormat) -> RecordBatch {
    var batch = RecordBatch(format: format)
    let record = record(format)
    for _ in 0..<count {
      batch.entries.append(
        RecordBatch.Entry(
          type: .flow, offset: batch.bytes.count, length: record.count,
          fieldCount: format == .eve ? 0 : fields))
      batch.bytes += record
    }
    return batch
  }

  private static func record(_ format: RecordFormat) -> [UInt8] {
    switch format {
    case .eve:
      return [UInt8](repeating: UInt8(ascii: "x"), count: eveBytes)
    case .fields:
      return (0..<fields).reduce(into: []) { bytes, index in
        let digits = "\(1000 + index)"
        bytes += "$4\r\nf\(digits.suffix(3))\r\n$8\r\n1234\(digits)\r\n".utf8
      }
    }
  }
}
