internal import CCrypto
internal import FlowEngine
internal import Records

/// A file on its way over TFTP (RFC 1350): numbered blocks, each acknowledged, in a flow between the client's port
/// and one of the server's that nobody has named before. What is transferred is told by the request
/// (``AnnouncedTransfers``), and a transfer whose request was not seen, or is another worker's that is behind, by its
/// first two datagrams.
struct TFTPTransfer: BitwiseCopyable {
  enum Phase: UInt8, BitwiseCopyable {
    case none = 0
    case open
    /// Blocks that come again are of no transfer.
    case over
  }

  var phaseValue: UInt8 = 0
  /// It is known to be one; before that it is one of those that the flow may be.
  var isSettled = false
  /// ``Purpose``; 0: its request is not known.
  var purpose: UInt8 = 0
  var isCut = false
  var isHashed = false
  /// Its last block was seen.
  var isEnded = false
  /// Whether the flow's client sends the blocks, once that is known.
  var knowsSender = false
  var fromClient = false
  /// Number of the block that comes next.
  var next: UInt16 = 1
  /// Blocks that may be sent before one is acknowledged (RFC 7440).
  var window: UInt16 = 1
  /// Bytes of a block that is not the last one; 0 before the first.
  var blockSize: UInt32 = 0
  var size: UInt64 = 0
  var missing: UInt64 = 0
  /// Bytes that the server has said, and one more; 0: it has not.
  var promised: UInt64 = 0
  var began: Int64 = 0
  var digest = ccrypto_sha256_state()
  var first = ShortText<128>()
  var name = ShortText<212>()

  var phase: Phase {
    get { Phase(rawValue: phaseValue) ?? .over }
    set { phaseValue = newValue.rawValue }
  }

  /// What a request has asked for, as it is announced: 64, 1 for a file that is written, 2 for netascii, 4 for mail.
  enum Purpose {
    static func value(_ request: TFTPRequest, isWritten: Bool) -> UInt8 {
      var value: UInt8 = isWritten ? 65 : 64
      if request.mode.equals(lowercase: "netascii") { value |= 2 }
      if request.mode.equals(lowercase: "mail") { value |= 4 }
      return value
    }

    static func packet(_ value: UInt8) -> StaticString { value & 1 != 0 ? "write" : "read" }

    static func mode(_ value: UInt8) -> StaticString {
      value & 4 != 0 ? "mail" : value & 2 != 0 ? "netascii" : "octet"
    }
  }

  /// With these a transfer begins: a first block, an acknowledgement of the request to write, or of its options;
  /// one that is announced with any but a request.
  static func mayBegin(_ bytes: Bytes, isAnnounced: Bool) -> Bool {
    switch bytes.be16(0) {
    case 3: bytes.count >= 4 && (isAnnounced || bytes.be16(2) == 1)
    case 4: bytes.count == 4 && (isAnnounced || bytes.be16(2) == 0)
    case 5: isAnnounced && bytes.count >= 5
    case 6: TFTPOptions(bytes.dropFirst(2)) != nil
    default: false
    }
  }
}

/// What a server agrees to (RFC 2347).
struct TFTPOptions: BitwiseCopyable {
  private(set) var blockSize: UInt64?
  private(set) var transferSize: UInt64?
  private(set) var windowSize: UInt64?

  /// nil where these are no pairs of a name and a value.
  init?(_ bytes: Bytes) {
    var rest = bytes
    guard !rest.isEmpty else { return nil }
    for _ in 0..<8 where !rest.isEmpty {
      guard let (name, behind) = TFTPRequest.text(rest), !name.isEmpty, name.isPrintable,
        let (value, next) = TFTPRequest.text(behind), value.isPrintable
      else { return nil }
      rest = next
      guard let number = value.decimal else { continue }
      if name.equals(lowercase: "blksize"), 8...65_464 ~= number { blockSize = number }
      if name.equals(lowercase: "tsize") { transferSize = number }
      if name.equals(lowercase: "windowsize"), 1...65_535 ~= number { windowSize = number }
    }
  }
}

/// A call's view of a transfer.
struct TFTPView: BitwiseCopyable {
  let d: Delivery
  let t: UnsafeMutablePointer<TFTPTransfer>

  /// Bytes of a block where nothing else has been agreed on.
  private static var usualBlock: UInt32 { 512 }

  private var app: UnsafeMutablePointer<FlowApp> {
    d.core.pointee.flows.app + Int(d.flow.pointee.entry)
  }

  /// The flow has been told as TFTP's.
  var isSettled: Bool { app.pointee.proto == AppProtocol.tftp.rawValue }

  /// One datagram that is no request; `missing` bytes at its end were not captured.
  func take(_ bytes: Bytes, _ missing: Int) -> DatagramAnswer {
    // Of a server that answers from the port that it was asked at.
    if isSettled { t.pointee.isSettled = true }
    return switch bytes.be16(0) {
    case 3: takeData(bytes, missing)
    case 4: takeAcknowledgement(bytes)
    case 5: takeError()
    case 6: takeOptions(bytes)
    default: nonsense
    }
  }

  /// After the datagram at hand.
  private var answer: DatagramAnswer {
    if !t.pointee.isSettled { return .more }
    if t.pointee.phase == .none { return .idle }
    if d.settings.hashesFiles { return .more }
    // Where requests are in the same flow they are still wanted.
    return d.flow.pointee.transactions > 0 ? .idle : .done
  }

  /// It makes no sense: where nobody has said that it is a transfer, it is none.
  private var nonsense: DatagramAnswer { t.pointee.isSettled ? answer : .lost }

  // MARK: Beginning

  /// What a request has announced.
  private func announcement() -> AnnouncedTransfer? {
    d.core.pointee.announcements.take(
      d.key, clientSide: d.flow.pointee.clientSide, began: d.time)
  }

  private func name(_ announced: AnnouncedTransfer) {
    t.pointee.purpose = announced.transfer
    t.pointee.isCut = announced.isCut
    t.pointee.name = announced.name
    settle()
  }

  /// A transfer begins. False where it does so only if it is announced, and is not.
  private func begin(ifAnnounced: Bool = false) -> Bool {
    let announced = announcement()
    // What comes behind the end of one may be its last block once more.
    if announced == nil, ifAnnounced || t.pointee.phase == .over { return false }
    let isSettled = t.pointee.isSettled
    t.pointee = TFTPTransfer()
    t.pointee.isSettled = isSettled
    if let announced { name(announced) }
    t.pointee.phase = .open
    t.pointee.began = d.time
    t.pointee.isHashed = d.settings.hashesFiles
    if t.pointee.isHashed { ccrypto_sha256_begin(&t.pointee.digest) }
    return true
  }

  /// The flow is one of TFTP's.
  private func settle() {
    guard !t.pointee.isSettled else { return }
    t.pointee.isSettled = true
    guard app.pointee.proto == AppProtocol.unknown.rawValue else { return }
    let proto = AppProtocol.tftp.rawValue
    app.pointee.proto = proto
    app.pointee.toServer = proto
    app.pointee.toClient = proto
    let expected = d.flow.pointee.expected
    app.pointee.expected = expected == proto ? 0 : expected
  }

  private func setSender(_ isClient: Bool) {
    if t.pointee.knowsSender { return }
    t.pointee.knowsSender = true
    t.pointee.fromClient = isClient
    d.fileBegins(toServer: isClient)
  }

  // MARK: Datagrams

  private func takeData(_ bytes: Bytes, _ missing: Int) -> DatagramAnswer {
    guard let number = bytes.be16(2) else { return nonsense }
    let wasOpen = t.pointee.phase == .open
    if !wasOpen, !begin(ifAnnounced: number != 1) { return nonsense }
    if t.pointee.knowsSender, t.pointee.fromClient != d.isToServer { return nonsense }
    // Behind an acknowledgement of the request or of its options.
    if wasOpen && t.pointee.next == 1 && number == 1 { settle() }
    setSender(d.isToServer)
    let block = bytes.dropFirst(4)
    let length = UInt64(block.count) &+ UInt64(max(missing, 0))
    if t.pointee.blockSize == 0 {
      // Without the server's word the first block tells.
      t.pointee.blockSize = max(Self.usualBlock, UInt32(truncatingIfNeeded: length))
    }
    // Behind 65535 comes 0; some have 1.
    if t.pointee.next == 0 && number == 1 && t.pointee.size > 65_534 { t.pointee.next = 1 }
    let ahead = Int16(bitPattern: number &- t.pointee.next)
    if ahead < 0 { return answer }
    if ahead > 0 {
      // It is sent where those before the window have been acknowledged; those within it come again.
      guard UInt16(ahead) >= t.pointee.window else { return answer }
      skip(UInt64(ahead))
    }
    t.pointee.next = number &+ 1
    add(block)
    lose(UInt64(max(missing, 0)))
    if length < UInt64(t.pointee.blockSize) { t.pointee.isEnded = true }
    return endIfDue()
  }

  private func takeAcknowledgement(_ bytes: Bytes) -> DatagramAnswer {
    guard let number = bytes.be16(2), t.pointee.isSettled || bytes.count == 4 else {
      return nonsense
    }
    if t.pointee.phase != .open {
      guard begin(ifAnnounced: number != 0) else { return nonsense }
      // Who acknowledges a request to write will get the blocks.
      setSender(!d.isToServer)
      if number > 0 { skip(UInt64(number)) }
      t.pointee.next = number &+ 1
      return answer
    }
    if t.pointee.knowsSender, t.pointee.fromClient == d.isToServer { return nonsense }
    if !t.pointee.knowsSender {
      // Of a server's options: the client goes on with this where it reads.
      guard number == 0 else { return nonsense }
      settle()
      setSender(!d.isToServer)
      return answer
    }
    let behind = Int16(bitPattern: number &- t.pointee.next)
    if behind < 0 {
      if number != 0 && number &+ 1 == t.pointee.next { settle() }
      return t.pointee.isSettled || number == 0 ? endIfDue() : .lost
    }
    guard t.pointee.isSettled else { return .lost }
    // Blocks that have come to their receiver, and not to us.
    skip(UInt64(behind) &+ 1)
    t.pointee.next = number &+ 1
    return answer
  }

  private func takeOptions(_ bytes: Bytes) -> DatagramAnswer {
    guard let options = TFTPOptions(bytes.dropFirst(2)) else { return nonsense }
    if t.pointee.phase == .open {
      // Sent again where its answer was lost.
      return t.pointee.size == 0 ? answer : nonsense
    }
    guard begin() else { return nonsense }
    t.pointee.blockSize = UInt32(options.blockSize ?? UInt64(Self.usualBlock))
    t.pointee.window = UInt16(options.windowSize ?? 1)
    if let size = options.transferSize, size < .max { t.pointee.promised = size &+ 1 }
    if t.pointee.purpose != 0 { setSender(d.isToServer == (t.pointee.purpose & 1 == 0)) }
    return answer
  }

  private func takeError() -> DatagramAnswer {
    if t.pointee.phase == .none, !t.pointee.isSettled, let announced = announcement() {
      name(announced)
    }
    guard t.pointee.isSettled else { return .lost }
    if t.pointee.phase == .open { finish() }
    return answer
  }

  /// Behind the last block, once it is known that there is a transfer.
  private func endIfDue() -> DatagramAnswer {
    if t.pointee.isEnded && t.pointee.isSettled { finish() }
    return answer
  }

  // MARK: Bytes

  private func add(_ bytes: Bytes) {
    t.pointee.size &+= UInt64(bytes.count)
    guard t.pointee.isHashed else { return }
    var place = 0
    while t.pointee.first.count < 128, place < bytes.count {
      t.pointee.first.append(bytes.base[place])
      place &+= 1
    }
    ccrypto_sha256_add(&t.pointee.digest, bytes.base, bytes.count)
    d.fileBytes(bytes, toServer: t.pointee.fromClient)
  }

  private func lose(_ count: UInt64) {
    guard count > 0 else { return }
    t.pointee.missing &+= count
    d.fileGap(count, toServer: t.pointee.fromClient)
  }

  /// So many blocks were not seen.
  private func skip(_ blocks: UInt64) {
    lose(blocks &* UInt64(max(t.pointee.blockSize, Self.usualBlock)))
  }

  // MARK: The end

  /// Nothing more of it comes.
  func finish() {
    guard t.pointee.phase == .open else { return }
    let isWhole = t.pointee.isEnded
    t.pointee.phase = .over
    // The request may be another worker's, which was behind.
    if t.pointee.purpose == 0, let announced = announcement() { name(announced) }
    guard t.pointee.isHashed, t.pointee.isSettled, isWhole || t.pointee.size > 0 else { return }
    var w = d.event()
    w.text(FileFields.appProto, "tftp")
    w.beginObject(FileFields.tftp)
    if t.pointee.purpose != 0 {
      w.text(TFTPFields.packet, TFTPTransfer.Purpose.packet(t.pointee.purpose))
      writeName(&w, TFTPFields.file)
      w.text(TFTPFields.mode, TFTPTransfer.Purpose.mode(t.pointee.purpose))
    }
    w.integer(TFTPFields.blockSize, t.pointee.blockSize)
    w.end()
    w.beginObject(FileFields.fileinfo)
    writeName(&w, FileFields.filename)
    let hasGaps = t.pointee.missing > 0
    // The flow keeps the number of its records, and so this is a transaction.
    var file = FileRecord(
      source: "TFTP", isFromClient: t.pointee.fromClient, began: t.pointee.began,
      transaction: d.nextTransaction(), isWhole: isWhole && !hasGaps, hasGaps: hasGaps,
      size: t.pointee.size)
    file.missing = t.pointee.missing
    file.magic = t.pointee.first.with { FileMagic($0) }
    if t.pointee.promised > 0 { file.promised = t.pointee.promised &- 1 }
    withUnsafeMutablePointer(to: &t.pointee.digest) {
      if !hasGaps { file.digest = $0 }
      file.write(d, &w)
    }
    w.end()
    w.incomplete(missing: t.pointee.missing)
    d.emit(.fileinfo, w, toServer: t.pointee.fromClient)
  }

  private func writeName(_ w: inout EventWriter, _ field: EventField) {
    if d.settings.isHeaderOnly { return }
    t.pointee.name.with { if !$0.isEmpty { w.string(field, $0) } }
  }
}

extension Dissection {
  /// The first datagram of a flow. True where it begins a transfer that is announced, or where it could begin one and,
  /// for want of anything else (`isLast`), is taken for that until the next datagram tells.
  mutating func beginTransfer(
    _ state: UnsafeMutablePointer<FlowState>, _ bytes: Bytes, isLast: Bool
  ) -> Bool {
    guard state.pointee.probes == 0, state.pointee.refused == 0, core.settings.isOn(.tftp),
      TFTPTransfer.mayBegin(bytes, isAnnounced: !isLast)
    else { return false }
    if !isLast {
      let key = core.flows.hot[Int(state.pointee.entry)].key
      guard
        core.announcements.isAnnounced(key, began: state.pointee.lastTime)
      else { return false }
    }
    if state.pointee.isOwnUsed { clearOwn(state) }
    state.pointee.isOwnUsed = true
    state.pointee.proto = AppProtocol.tftp.rawValue
    return true
  }

  /// What the flow was taken for it is not, and nobody has been told so. False where it was more than that.
  mutating func forgetTransfer(_ state: UnsafeMutablePointer<FlowState>) -> Bool {
    let app = core.flows.app + Int(state.pointee.entry)
    guard state.pointee.proto == AppProtocol.tftp.rawValue,
      app.pointee.proto == AppProtocol.unknown.rawValue
    else { return false }
    state.pointee.proto = AppProtocol.unknown.rawValue
    state.pointee.probes = 1
    state.pointee.excluded = 0
    clearOwn(state)
    return true
  }
}
