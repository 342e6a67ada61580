internal import CCrypto
internal import FlowEngine
internal import Records

// The `fileinfo` record of a body, where bodies are hashed; hidden where only Zeek's logs have it.

extension HTTPExchange {
  func emitFile(_ slot: UnsafeMutablePointer<HTTPSlot>, isComplete: Bool) {
    let hasGaps = side.pointee.has(HTTPSide.Flags.gap)
    let (decoded, isDecoded) = self.decoded
    let isWhole = isComplete && !hasGaps && isDecoded
    let draft = slot.pointee.draft
    let known = UnsafeRawBufferPointer(
      start: draft.isEmpty ? nil : UnsafeRawPointer(d.core.pointee.blocks.at(draft.block)),
      count: Int(draft.count))
    var w = d.event()
    w.beginObject(FileFields.http)
    w.tokens(known)
    w.integer(HTTPFields.length, isRequest ? 0 : side.pointee.wire)
    w.end()
    w.text(FileFields.appProto, "http")
    w.beginObject(FileFields.fileinfo)
    if let name = filename(known) { w.string(FileFields.filename, name) }
    if side.pointee.magic != .unknown {
      w.text(FileFields.mimeType, side.pointee.magic.mimeType)
    }
    w.boolean(FileFields.gaps, hasGaps)
    w.text(FileFields.state, isWhole ? "CLOSED" : "TRUNCATED")
    let isHashed = side.pointee.has(HTTPSide.Flags.hashed)
    if isHashed && !hasGaps { writeDigest(&w) }
    w.boolean(FileFields.stored, d.settings.keepsFiles)
    w.integer(FileFields.size, decoded)
    if side.pointee.has(HTTPSide.Flags.encoded) && side.pointee.inflater == 0 {
      w.boolean(FileFields.encoded, true)
    }
    w.integer(FileFields.transaction, slot.pointee.number)
    if d.core.pointee.settings.wantsHiddenRecords {
      w.time(FileFields.began, nanoseconds: side.pointee.began)
      w.text(FileFields.source, "HTTP")
      w.boolean(FileFields.isOrig, isRequest)
      w.seconds(
        FileFields.duration, nanoseconds: max(d.time &- side.pointee.began, 0))
    }
    w.end()
    d.emit(.fileinfo, w, toServer: isToServer, isHidden: !isHashed)
  }

  /// Bytes of the body as they are hashed, and whether they could be decoded to their end.
  private var decoded: (UInt64, Bool) {
    guard side.pointee.inflater > 0 else { return (side.pointee.body, true) }
    let head = d.core.pointee.inflaters.head(side.pointee.inflater).pointee
    return (head.written, head.state == .ended)
  }

  func writeDecoded(_ slot: UnsafeMutablePointer<HTTPSlot>) {
    guard side.pointee.inflater > 0 else { return }
    var w = d.event()
    w.integer(
      isRequest ? HTTPFields.requestDecodedLength : HTTPFields.responseDecodedLength, decoded.0)
    d.keep(w, in: &slot.pointee.draft)
  }

  private func writeDigest(_ w: inout EventWriter) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(CCRYPTO_SHA256_BYTES)) { buffer in
      guard let base = buffer.baseAddress else { return }
      ccrypto_sha256_end(digest, base)
      w.hex(FileFields.sha256, Bytes(base, Int(CCRYPTO_SHA256_BYTES)))
    }
  }

  /// What Content-Disposition says, else the URL's path.
  private func filename(_ known: UnsafeRawBufferPointer) -> Bytes? {
    if d.core.pointee.settings.isHeaderOnly { return nil }
    let wanted = isRequest ? HTTPFields.requestFilename : HTTPFields.responseFilename
    var path: Bytes?
    var reader = EventReader(known)
    while let (field, value) = reader.next() {
      guard case .string(let text) = value, let base = text.baseAddress else { continue }
      let bytes = Bytes(base.assumingMemoryBound(to: UInt8.self), text.count)
      if field == wanted { return bytes }
      if field == HTTPFields.url { path = self.path(bytes) }
    }
    return path
  }

  private func path(_ url: Bytes) -> Bytes {
    var path = url
    if url.u8(0) != UInt8(ascii: "/"), let start = url.firstIndex(of: "://") {
      let rest = url.dropFirst(start &+ 3)
      path = rest.dropFirst(rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.count)
    }
    if let end = path.firstIndex(of: UInt8(ascii: "?")) { path = path.prefix(end) }
    if let end = path.firstIndex(of: UInt8(ascii: "#")) { path = path.prefix(end) }
    return path
  }
}
