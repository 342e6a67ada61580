internal import CCrypto
internal import FlowEngine
internal import Records

/// What every `fileinfo` record says of its file, whatever brought it: members of the object that is open,
/// behind the file's name.
struct FileRecord {
  /// As Zeek's files.log has it: `HTTP`.
  let source: StaticString
  /// The client sent it.
  let isFromClient: Bool
  /// When its first byte was seen, nanoseconds since 1970.
  let began: Int64
  /// The transaction that brought it.
  let transaction: UInt32
  /// It was seen, and decoded, to its end.
  let isWhole: Bool
  let hasGaps: Bool
  /// Bytes of it, decoded.
  let size: UInt64
  var missing: UInt64 = 0
  var magic = FileMagic.unknown
  var isStored = true
  /// It has an encoding that was not decoded.
  var isEncoded = false
  /// Of a part of a whole: its first and last byte.
  var range: (start: UInt64, end: UInt64)?
  /// Bytes that were promised.
  var promised: UInt64?
  /// SHA-256 under way, where there is one that tells anything.
  var digest: UnsafeMutablePointer<ccrypto_sha256_state>?

  func write(_ d: Delivery, _ w: inout EventWriter) {
    if magic != .unknown { w.text(FileFields.mimeType, magic.mimeType) }
    w.boolean(FileFields.gaps, hasGaps)
    w.text(FileFields.state, isWhole ? "CLOSED" : "TRUNCATED")
    if let digest {
      w.hex(FileFields.sha256, count: CCRYPTO_SHA256_BYTES) { ccrypto_sha256_end(digest, $0) }
    }
    w.boolean(FileFields.stored, d.settings.keepsFiles && isStored)
    w.integer(FileFields.size, size)
    if isEncoded { w.boolean(FileFields.encoded, true) }
    if let range {
      w.integer(FileFields.start, range.start)
      w.integer(FileFields.end, range.end)
    }
    w.integer(FileFields.transaction, transaction)
    if missing > 0 { w.integer(FileFields.missingBytes, missing) }
    guard d.settings.wantsHiddenRecords else { return }
    w.time(FileFields.began, nanoseconds: began)
    w.text(FileFields.source, source)
    w.boolean(FileFields.isOrig, isFromClient)
    w.seconds(FileFields.duration, nanoseconds: max(d.time &- began, 0))
    if let promised { w.integer(FileFields.totalBytes, promised) }
  }
}
