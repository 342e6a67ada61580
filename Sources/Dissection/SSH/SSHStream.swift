internal import CCrypto
internal import FlowEngine
internal import Records

/// SSH (RFC 4253) up to where it is encrypted: identifications, the lists of algorithms, the host key.
///
/// One record a connection, made when both sides' lists are known, or at the end of what was seen. Where
/// Zeek's logs are wanted, the record waits for the host key and for what can be guessed of the login.
enum SSHStream: StreamDissector {
  typealias State = SSHState

  /// The longest packet that a side must be able to take is 35,000 bytes (RFC 4253, section 6.1).
  private static let longestPacket: UInt32 = 35_000
  /// A KEXINIT may be this long to be kept.
  private static let longestKeyExchange = 16 << 10
  private static let mostLines: UInt8 = 64
  private static let mostPackets: UInt8 = 64

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe {
    if bytes.starts(with: "SSH-") {
      // `SSH-2.0-`, `SSH-1.99-`, `SSH-1.5-`.
      guard let major = bytes.u8(4), let dot = bytes.u8(5) else { return .maybe }
      return major &- 0x31 < 2 && dot == 0x2e ? .yes : .no
    }
    if bytes.isPrefix(of: "SSH-") { return .maybe }
    // A server may send lines before it tells who it is (RFC 4253, section 4.2).
    guard !context.isToServer, context.serverPort == 22 else { return .no }
    if let line = bytes.firstIndex(of: "\nSSH-") {
      guard let major = bytes.u8(line &+ 5), let dot = bytes.u8(line &+ 6) else { return .maybe }
      return major &- 0x31 < 2 && dot == 0x2e ? .yes : .no
    }
    for place in 0..<min(bytes.count, 64) {
      guard let byte = bytes.u8(place), byte >= 0x20 || byte &- 9 < 5 else { return .no }
    }
    return .maybe
  }

  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  {
    take(d, state, side(d, state), bytes)
  }

  /// This direction's side of the state, which is used beside it.
  private static func side(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>
  ) -> UnsafeMutablePointer<SSHSide> {
    d.isToServer
      ? withUnsafeMutablePointer(to: &state.pointee.client) { $0 }
      : withUnsafeMutablePointer(to: &state.pointee.server) { $0 }
  }

  private static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ side: UnsafeMutablePointer<SSHSide>,
    _ bytes: Bytes
  ) -> Progress {
    switch side.pointee.phase {
    case .lines: return takeLine(d, state, side, bytes)
    case .packets: return takePacket(d, state, side, bytes)
    case .encrypted:
      state.pointee.login.see(bytes.count, fromClient: d.isToServer)
      return finish(d, state, .consumed(bytes.count))
    case .over: return .directionDone()
    }
  }

  // MARK: Identification

  private static func takeLine(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ side: UnsafeMutablePointer<SSHSide>,
    _ bytes: Bytes
  ) -> Progress {
    guard let line = TextLine.first(of: bytes, limit: 512) else { return .needs(bytes.count &+ 1) }
    if line.text.starts(with: "SSH-") {
      side.pointee.setBanner(line.text)
      let isOld = line.text.starts(with: "SSH-1.") && !line.text.starts(with: "SSH-1.99")
      side.pointee.phase = isOld || line.isCut ? .over : .packets
      return finish(d, state, .consumed(line.length))
    }
    side.pointee.lines &+= 1
    if side.pointee.lines >= mostLines {
      d.note(.appMalformed)
      return giveUp(d, state, side)
    }
    return .consumed(line.length)
  }

  // MARK: Packets

  private static func takePacket(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ side: UnsafeMutablePointer<SSHSide>,
    _ bytes: Bytes
  ) -> Progress {
    // Length, length of the padding, message number.
    guard let length = bytes.be32(0), let padding = bytes.u8(4), let number = bytes.u8(5) else {
      return .needs(6)
    }
    guard length >= 2, length <= longestPacket, UInt32(padding) &+ 1 < length else {
      d.note(.appMalformed)
      return giveUp(d, state, side)
    }
    side.pointee.packets &+= 1
    if side.pointee.packets >= mostPackets { return giveUp(d, state, side) }
    // No more than 35,004.
    let whole = 4 &+ Int(length)
    switch number {
    case 20, 31, 33:
      guard let payload = bytes.slice(5, whole &- 5 &- Int(padding)), bytes.count >= whole else {
        side.pointee.packets &-= 1
        return .needs(whole)
      }
      if number == 20 {
        keep(d, side, payload)
        return finish(d, state, .consumed(whole))
      }
      if !d.isToServer { takeReply(d, state, number, payload) }
      return finish(d, state, .consumed(whole))
    case 21:
      if bytes.count < whole {
        side.pointee.packets &-= 1
        return .needs(whole)
      }
      side.pointee.phase = .encrypted
      return finish(d, state, .consumed(whole))
    default:
      return .skip(UInt64(whole &- 6), after: 6)
    }
  }

  /// The first KEXINIT of a side.
  private static func keep(_ d: Delivery, _ side: UnsafeMutablePointer<SSHSide>, _ payload: Bytes) {
    guard side.pointee.kexBlock == 0 else { return }
    guard payload.count <= longestKeyExchange, let size = BlockPool.size(for: payload.count) else {
      return d.note(.appMessageTooLong)
    }
    let block = d.core.pointee.blocks.take(size)
    guard block != 0 else { return d.core.pointee.counters.add(.dissectionNoMemory) }
    d.core.pointee.blocks.at(block).copyMemory(from: payload.base, byteCount: payload.count)
    side.pointee.kexBlock = block
    side.pointee.kexSize = size
    side.pointee.kexCount = UInt32(truncatingIfNeeded: payload.count)
  }

  static func keyExchange(_ d: Delivery, _ side: SSHSide) -> SSHKeyExchange? {
    guard side.kexBlock != 0 else { return nil }
    let memory = d.core.pointee.blocks.at(side.kexBlock).assumingMemoryBound(to: UInt8.self)
    return SSHKeyExchange(bytes: Bytes(UnsafePointer(memory), Int(side.kexCount)))
  }

  /// The server's answer in a key exchange: 31 (RFC 4253, section 8; RFC 5656, section 4), but 33 where the
  /// group is exchanged, and there 31 is the group (RFC 4419, section 3).
  private static func takeReply(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ number: UInt8, _ payload: Bytes
  ) {
    guard !state.pointee.hasHostKey, let client = keyExchange(d, state.pointee.client),
      let server = keyExchange(d, state.pointee.server),
      let ours = client.list(.keyExchange), let theirs = server.list(.keyExchange),
      let method = SSHKeyExchange.agreed(ours, theirs),
      method.starts(with: "diffie-hellman-group-exchange") == (number == 33)
    else { return }
    var cursor = ByteCursor(payload.dropFirst(1))
    guard let length = cursor.be32(), length <= longestPacket, let key = cursor.take(Int(length))
    else { return }
    withUnsafeMutableBytes(of: &state.pointee.hostKeyHash) { hash in
      guard let hash = hash.baseAddress else { return }
      ccrypto_sha256(key.base, key.count, hash.assumingMemoryBound(to: UInt8.self))
    }
    state.pointee.hasHostKey = true
  }

  // MARK: The end

  private static func giveUp(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ side: UnsafeMutablePointer<SSHSide>
  ) -> Progress {
    side.pointee.phase = .over
    return finish(d, state, .directionDone())
  }

  /// Whether all is known that is wanted.
  private static func finish(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ progress: Progress
  ) -> Progress {
    let clientIsOver = state.pointee.client.phase == .over
    let serverIsOver = state.pointee.server.phase == .over
    var isComplete =
      (clientIsOver || state.pointee.client.kexBlock != 0)
      && (serverIsOver || state.pointee.server.kexBlock != 0)
    if isComplete && d.settings.wantsHiddenRecords {
      isComplete = clientIsOver && serverIsOver || state.pointee.login.isDecided
    }
    guard isComplete else { return progress }
    var last = progress
    last.next = .done
    return last
  }

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    lose(d, side(d, state), rest)
    // What stands behind a hole in packets cannot be read.
    state.pointee.login.isDecided = state.pointee.login.isDecided || d.settings.wantsHiddenRecords
    return .directionDone
  }

  /// No more of a side can be read; of what was left over there may be a beginning.
  private static func lose(_ d: Delivery, _ side: UnsafeMutablePointer<SSHSide>, _ rest: Bytes) {
    if side.pointee.phase == .lines, rest.starts(with: "SSH-") { side.pointee.setBanner(rest) }
    // Of a KEXINIT without its end the lists may be there.
    if side.pointee.phase == .packets, rest.u8(5) == 20 { keep(d, side, rest.dropFirst(5)) }
    side.pointee.phase = .over
  }

  static func closed(_ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes) {
    lose(d, side(d, state), rest)
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    if state.pointee.client.bannerCount > 0 || state.pointee.server.bannerCount > 0 {
      SSHRecord.emit(d, state)
    }
    d.core.pointee.blocks.giveBack(state.pointee.client.kexBlock, state.pointee.client.kexSize)
    d.core.pointee.blocks.giveBack(state.pointee.server.kexBlock, state.pointee.server.kexSize)
    state.pointee.client.kexBlock = 0
    state.pointee.server.kexBlock = 0
  }
}
