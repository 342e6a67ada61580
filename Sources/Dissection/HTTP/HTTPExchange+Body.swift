internal import CCrypto
internal import FlowEngine

// Bodies (RFC 9112, sections 6 and 7): by their length, in chunks, up to the connection's end.

extension HTTPExchange {
  func beginBody(_ phase: HTTPSide.Phase, _ length: UInt64, _ encoding: Bytes? = nil) {
    side.pointee.phase = phase
    side.pointee.left = length
    side.pointee.scanned = 0
    side.pointee.began = d.time
    d.fileBegins(toServer: isToServer)
    if d.core.pointee.settings.isHeaderOnly { side.pointee.flags |= HTTPSide.Flags.sniffed }
    if d.core.pointee.settings.hashesFiles && !d.core.pointee.settings.isHeaderOnly {
      side.pointee.flags |= HTTPSide.Flags.hashed
      ccrypto_sha256_begin(digest)
    }
    let coding = HTTPCoding(encoding)
    if coding != .none { beginEncoded(coding) }
  }

  /// It is decoded only where the body is hashed or Zeek's logs ask for its length. Of a body that is not
  /// decoded the first bytes tell nothing.
  private func beginEncoded(_ coding: HTTPCoding) {
    side.pointee.flags |= HTTPSide.Flags.encoded | HTTPSide.Flags.sniffed
    let settings = d.core.pointee.settings
    guard settings.hashesFiles || settings.wantsHiddenRecords, !settings.isHeaderOnly else {
      return
    }
    ccrypto_sha256_begin(digest)
    side.pointee.inflater = coding.inflater(d)
  }

  /// This direction's SHA-256 under way.
  var digest: UnsafeMutablePointer<ccrypto_sha256_state> {
    (UnsafeMutableRawPointer(state) + HTTPState.digestsOffset)
      .assumingMemoryBound(to: ccrypto_sha256_state.self) + (isRequest ? 0 : 1)
  }

  /// Bytes of the body, or of a chunk of it.
  func takeBody(_ bytes: Bytes) -> Progress {
    let left = side.pointee.left
    if !side.pointee.has(HTTPSide.Flags.sniffed) {
      if let progress = answersHead(bytes) { return progress }
      // The first bytes together, so that the type does not depend on how they came.
      let wanted = Int(min(UInt64(FileMagic.longest), left))
      guard bytes.count >= wanted else { return .needs(wanted) }
      sniff(bytes.prefix(wanted))
    }
    let isLookedAt = side.pointee.has(HTTPSide.Flags.hashed) || side.pointee.inflater > 0
    if isLookedAt || left <= UInt64(bytes.count) {
      // No more than there are bytes.
      let count = Int(min(left, UInt64(bytes.count)))
      look(bytes.prefix(count))
      side.pointee.mark &+= UInt64(count)
      advance(UInt64(count))
      if side.pointee.left == 0 { endData() }
      return .consumed(count)
    }
    // The last byte is asked for: with it the message is at its end, and not only with the next one.
    return .skip(left == .max ? .max : left &- 1, after: 0)
  }

  func sniff(_ bytes: Bytes) {
    side.pointee.flags |= HTTPSide.Flags.sniffed
    side.pointee.magic = FileMagic(bytes)
  }

  /// Bytes of the body that were seen.
  func look(_ bytes: Bytes) {
    let inflater = side.pointee.inflater
    guard side.pointee.has(HTTPSide.Flags.hashed) || inflater > 0, !bytes.isEmpty else { return }
    if let form {
      form.pointee.take(bytes, self)
    } else if inflater == 0 {
      ccrypto_sha256_add(digest, bytes.base, bytes.count)
      d.fileBytes(bytes, toServer: isToServer)
    } else if !side.pointee.has(HTTPSide.Flags.gap) {
      d.core.pointee.inflaters.add(bytes, to: inflater, digest, d, toServer: isToServer)
    }
  }

  /// A response to a request that was not seen: if it was HEAD, the next response stands where the body
  /// should.
  private func answersHead(_ bytes: Bytes) -> Progress? {
    guard !isRequest, side.pointee.slot != HTTPState.none,
      !slot(side.pointee.slot).pointee.has(HTTPSlot.Flags.hasRequest), side.pointee.body == 0
    else { return nil }
    switch HTTPLine.response(bytes) {
    case .no: return nil
    case .maybe: return .needs(bytes.count &+ 1)
    case .yes:
      finish(isComplete: true)
      return takeHead(bytes)
    }
  }

  private func endData() {
    if side.pointee.phase == .fixed {
      finish(isComplete: true)
    } else {
      side.pointee.phase = .chunkEnd
    }
  }

  // MARK: Chunks

  /// The longest line with a chunk's size.
  private static var longestSizeLine: Int { 1024 }
  /// Trailers, all together.
  private static var longestTrailers: UInt16 { 8192 }

  /// `1a;extension`
  func takeChunkSize(_ bytes: Bytes) -> Progress {
    guard let end = bytes.firstIndex(of: 0x0a, from: Int(side.pointee.scanned)) else {
      if bytes.count >= Self.longestSizeLine { return broken(bytes) }
      side.pointee.scanned = UInt16(clamping: bytes.count)
      return .needs(bytes.count &+ 1)
    }
    side.pointee.scanned = 0
    var line = bytes.prefix(end).withoutCR
    if let semicolon = line.firstIndex(of: UInt8(ascii: ";")) { line = line.prefix(semicolon) }
    guard let size = line.trimmed.hexadecimal else { return broken(bytes) }
    side.pointee.wire &+= UInt64(end &+ 1)
    side.pointee.left = size
    side.pointee.phase = size > 0 ? .chunkData : .trailers
    return consumed(end &+ 1)
  }

  /// The line end behind a chunk.
  func takeChunkEnd(_ bytes: Bytes) -> Progress {
    guard let first = bytes.u8(0) else { return .needs(1) }
    var count = 0
    if first == 0x0a {
      count = 1
    } else if first == 0x0d {
      guard let second = bytes.u8(1) else { return .needs(2) }
      count = second == 0x0a ? 2 : 1
    }
    // Where there is none the size follows all the same.
    if count == 0 { d.note(.appMalformed) }
    side.pointee.phase = .chunkSize
    side.pointee.wire &+= UInt64(count)
    if count == 0 { return takeChunkSize(bytes) }
    return consumed(count)
  }

  /// Fields behind the last chunk, and an empty line.
  func takeTrailers(_ bytes: Bytes) -> Progress {
    guard let end = bytes.firstIndex(of: 0x0a) else {
      if bytes.count >= Int(Self.longestTrailers) { return broken(bytes) }
      return .needs(bytes.count &+ 1)
    }
    // No line is longer than what may be carried.
    side.pointee.scanned = UInt16(clamping: Int(side.pointee.scanned) &+ end &+ 1)
    let line = bytes.prefix(end).withoutCR
    side.pointee.mark &+= UInt64(end &+ 1)
    if line.isEmpty {
      finish(isComplete: true)
    } else if side.pointee.scanned > Self.longestTrailers {
      d.note(.appHeadersTooLong)
      finish(isComplete: false)
      lose(atLineStart: true)
    }
    return .consumed(end &+ 1)
  }

  /// Framing that makes no sense.
  private func broken(_ bytes: Bytes) -> Progress {
    d.note(.appMalformed)
    finish(isComplete: false)
    lose(atLineStart: true)
    return search(bytes)
  }

  // MARK: Holes and ends

  /// `missing` bytes behind `rest` were not seen.
  func miss(_ rest: Bytes, _ missing: UInt64) -> GapAnswer {
    let offset = stream.pointee.offset
    // What was passed over unseen before the hole; `rest` is not in the stream's offset.
    let passed = offset &- side.pointee.mark &- missing
    side.pointee.mark = offset
    if offset >= missing, passed > 0, passed <= offset, side.pointee.slot != HTTPState.none {
      advance(passed)
    }
    switch side.pointee.phase {
    case .head, .held: missHead(rest, missing)
    case .fixed, .chunkData, .untilClose: missBody(rest, missing)
    case .chunkSize, .chunkEnd, .trailers:
      finish(isComplete: false)
      lose(atLineStart: true)
    case .lost: side.pointee.flags |= HTTPSide.Flags.atLineStart
    }
    noteHole(upTo: offset)
    return .resume
  }

  private func missHead(_ rest: Bytes, _ missing: UInt64) {
    let began = stream.pointee.offset &- missing
    if !rest.isEmpty { takePartial(rest, at: began) }
    lose(atLineStart: true)
    if rest.isEmpty {
      // So short a hole has no message in it, but it may have had the beginning of one.
      if missing < Self.shortestMessage {
        side.pointee.flags |= HTTPSide.Flags.mayLack
      } else {
        lack(at: began)
      }
    }
  }

  /// `HTTP/1.0 200` and two line ends.
  private static var shortestMessage: UInt64 { 16 }

  /// A message that nobody saw: a request, whose answer will come, or the answer to one.
  func lack(at place: UInt64) {
    let phase = side.pointee.phase
    let flags = side.pointee.flags & ~HTTPSide.Flags.mayLack
    if isRequest {
      beginRequest(isSeen: false)
    } else if next() != nil {
      beginResponse(at: place)
    }
    side.pointee.phase = .head
    finish(isComplete: false)
    side.pointee.phase = phase
    side.pointee.flags = flags
    side.pointee.left = Self.longestSearch
  }

  private func missBody(_ rest: Bytes, _ missing: UInt64) {
    if !side.pointee.has(HTTPSide.Flags.sniffed), !rest.isEmpty { sniff(rest) }
    let seen = min(UInt64(rest.count), side.pointee.left)
    look(rest.prefix(Int(seen)))
    advance(seen)
    side.pointee.flags |= HTTPSide.Flags.sniffed | HTTPSide.Flags.gap
    let left = side.pointee.left
    // Where a body ends at the connection's end, all of it is in the hole; behind a chunk's end is framing.
    if let form {
      form.pointee.miss(min(missing, left), self)
    } else if side.pointee.inflater == 0 {
      d.fileGap(min(missing, left), toServer: isToServer)
    }
    if missing < left {
      advance(missing)
      return
    }
    advance(left)
    let beyond = missing &- left
    if side.pointee.phase == .fixed {
      finish(isComplete: false)
      noteAnswered(upTo: stream.pointee.offset &- beyond)
      if beyond > 0 { missHead(.empty, beyond) }
    } else if beyond == 0 {
      side.pointee.phase = .chunkEnd
    } else {
      finish(isComplete: false)
      lose(atLineStart: true)
    }
  }

  /// Nothing more comes in this direction.
  func close(_ rest: Bytes) {
    pass(to: stream.pointee.offset)
    switch side.pointee.phase {
    case .head:
      if side.pointee.has(HTTPSide.Flags.lineSeen) && !rest.isEmpty {
        takePartial(rest, at: stream.pointee.offset)
      } else if isRequest && HTTPLine.isPlainly(rest) {
        takeLastLine(rest)
      }
    case .untilClose, .fixed, .chunkData:
      if side.pointee.slot == HTTPState.none { return }
      if !side.pointee.has(HTTPSide.Flags.sniffed), !rest.isEmpty { sniff(rest) }
      let seen = rest.prefix(Int(min(side.pointee.left, UInt64(rest.count))))
      look(seen)
      advance(UInt64(seen.count))
      let isComplete = side.pointee.phase == .untilClose
      finish(isComplete: isComplete)
    case .chunkSize, .chunkEnd, .trailers: finish(isComplete: false)
    case .lost, .held: break
    }
    side.pointee.phase = .held
  }
}
