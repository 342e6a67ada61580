internal import CCrypto
internal import FlowEngine
internal import Records

// The `fileinfo` record of a body, where bodies are hashed; hidden where only Zeek's logs have it.

extension HTTPExchange {
  func emitFile(isComplete: Bool) {
    let hasGaps = side.pointee.has(HTTPSide.Flags.gap)
    let (decoded, isDecoded) = self.decoded
    let isWhole = isComplete && !hasGaps && isDecoded
    let known = known
    var w = beginFile()
    let head = HTTPFileHead(known, isRequest: isRequest)
    if let name = head.name, !d.core.pointee.settings.isHeaderOnly {
      w.string(FileFields.filename, name)
    }
    let isHashed = side.pointee.has(HTTPSide.Flags.hashed)
    let isEncoded = side.pointee.has(HTTPSide.Flags.encoded)
    var file = FileRecord(
      source: "HTTP", isFromClient: isRequest, began: side.pointee.began,
      transaction: current.pointee.number, isWhole: isWhole, hasGaps: hasGaps, size: decoded)
    file.magic = side.pointee.magic
    file.isEncoded = isEncoded && side.pointee.inflater == 0
    file.range = head.range
    if isHashed && !hasGaps { file.digest = digest }
    // As Zeek has it: of a part that of the whole, of what is encoded none.
    if !isEncoded, side.pointee.phase == .fixed {
      file.promised = head.whole ?? side.pointee.body &+ side.pointee.left
    }
    file.write(d, &w)
    w.end()
    d.emit(.fileinfo, w, toServer: isToServer, isHidden: !isHashed)
  }

  /// What the transaction's record has so far.
  private var known: UnsafeRawBufferPointer {
    let draft = current.pointee.draft
    return UnsafeRawBufferPointer(
      start: draft.isEmpty ? nil : UnsafeRawPointer(d.core.pointee.blocks.at(draft.block)),
      count: Int(draft.count))
  }

  /// The record of a file up to its object's beginning.
  func beginFile() -> EventWriter {
    var w = d.event()
    w.beginObject(FileFields.http)
    w.tokens(known)
    w.integer(HTTPFields.length, isRequest ? 0 : side.pointee.wire)
    w.end()
    w.text(FileFields.appProto, "http")
    w.beginObject(FileFields.fileinfo)
    return w
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
}

/// Of a transaction's record so far what its file's has, too.
struct HTTPFileHead {
  /// What Content-Disposition says, else the URL's path.
  private(set) var name: Bytes?
  /// Of Content-Range: first and last byte, and bytes of the whole.
  private(set) var range: (start: UInt64, end: UInt64)?
  private(set) var whole: UInt64?

  init(_ known: UnsafeRawBufferPointer, isRequest: Bool) {
    let wanted = isRequest ? HTTPFields.requestFilename : HTTPFields.responseFilename
    var (start, end): (UInt64?, UInt64?) = (nil, nil)
    var path: Bytes?
    var reader = EventReader(known)
    while let (field, value) = reader.next() {
      switch value {
      case .string(let text):
        guard let base = text.baseAddress else { continue }
        let bytes = Bytes(base.assumingMemoryBound(to: UInt8.self), text.count)
        if field == wanted { name = name ?? bytes }
        if field == HTTPFields.url { path = Self.path(bytes) }
      case .unsigned(let number) where !isRequest:
        if field == HTTPFields.rangeStart { start = number }
        if field == HTTPFields.rangeEnd { end = number }
        if field == HTTPFields.rangeSize { whole = number }
      default: break
      }
    }
    name = name ?? path
    if let start, let end { range = (start, end) }
  }

  private static func path(_ url: Bytes) -> Bytes {
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
