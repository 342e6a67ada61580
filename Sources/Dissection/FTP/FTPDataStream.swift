internal import CCrypto
internal import FlowEngine
internal import Records

/// An FTP data channel (RFC 959, section 3.2). Nothing in its bytes tells what it is: it is one because a
/// control connection has announced it (``FTPExpectations``).
enum FTPDataStream: StreamDissector {
  struct State: BitwiseCopyable {
    var transfer: UInt8 = 0
    var isCut = false
    var isHashed = false
    var isClosed = false
    var size: UInt64 = 0
    var missing: UInt64 = 0
    var began: Int64 = 0
    var fromClient = false
    var digest = ccrypto_sha256_state()
    var name = ShortText<214>()
  }

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe { .no }

  /// The state of a flow that was announced.
  static func begin(
    _ state: UnsafeMutablePointer<State>, _ expectation: FTPExpectation
  ) {
    state.pointee.transfer = expectation.transfer
    state.pointee.isCut = expectation.isCut
    state.pointee.name = expectation.name
  }

  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  {
    let s = state
    guard FTPTransfer(rawValue: s.pointee.transfer)?.isFile == true else {
      s.pointee.fromClient = d.isToServer
      return .done()
    }
    if s.pointee.began == 0 {
      s.pointee.began = max(d.time, 1)
      s.pointee.fromClient = d.isToServer
      s.pointee.isHashed = d.settings.hashesFiles
      if s.pointee.isHashed { ccrypto_sha256_begin(&s.pointee.digest) }
      d.fileBegins(toServer: d.isToServer)
    }
    // A file goes one way.
    guard d.isToServer == s.pointee.fromClient else { return .directionDone() }
    s.pointee.size &+= UInt64(bytes.count)
    if s.pointee.isHashed { ccrypto_sha256_add(&s.pointee.digest, bytes.base, bytes.count) }
    d.fileBytes(bytes, toServer: d.isToServer)
    return .consumed(bytes.count)
  }

  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer {
    state.pointee.missing &+= missing
    d.fileGap(missing, toServer: d.isToServer)
    return .resume
  }

  static func closed(_ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes) {
    if d.isToServer == state.pointee.fromClient {
      state.pointee.isClosed =
        d.side(toServer: d.isToServer).pointee.flags & StreamSide.Flags.fin != 0
    }
  }

  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    let s = state
    guard let transfer = FTPTransfer(rawValue: s.pointee.transfer), transfer != .unknown else {
      return
    }
    var w = d.event()
    write(d, s, &w, transfer)
    w.incomplete(d)
    d.emit(.ftpData, w, transaction: d.nextTransaction())
    guard s.pointee.began != 0 else { return }
    var file = d.event()
    file.text(FileFields.appProto, "ftp-data")
    file.beginObject(FileFields.ftpData)
    write(d, s, &file, transfer)
    file.end()
    file.beginObject(FileFields.fileinfo)
    writeName(d, s, &file, FileFields.filename)
    file.boolean(FileFields.gaps, s.pointee.missing > 0)
    file.text(
      FileFields.state, s.pointee.isClosed && s.pointee.missing == 0 ? "CLOSED" : "TRUNCATED")
    if s.pointee.isHashed {
      var digest: InlineArray<32, UInt8> = InlineArray(repeating: 0)
      withUnsafeMutableBytes(of: &digest) { digest in
        guard let start = digest.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        ccrypto_sha256_end(&s.pointee.digest, start)
        file.hex(FileFields.sha256, Bytes(start, 32))
      }
    }
    file.boolean(FileFields.stored, d.settings.keepsFiles)
    file.integer(FileFields.size, s.pointee.size)
    file.integer(FileFields.transaction, UInt32(0))
    if s.pointee.missing > 0 { file.integer(FileFields.missingBytes, s.pointee.missing) }
    if d.settings.wantsHiddenRecords {
      file.time(FileFields.began, nanoseconds: s.pointee.began)
      file.text(FileFields.source, "FTP_DATA")
      file.boolean(FileFields.isOrig, s.pointee.fromClient)
      file.seconds(FileFields.duration, nanoseconds: max(d.time &- s.pointee.began, 0))
    }
    file.end()
    file.incomplete(d)
    d.emit(.fileinfo, file, toServer: s.pointee.fromClient)
  }

  private static func write(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ w: inout EventWriter,
    _ transfer: FTPTransfer
  ) {
    writeName(d, s, &w, FTPDataFields.filename)
    w.text(FTPDataFields.command, transfer.command)
  }

  private static func writeName(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ w: inout EventWriter, _ field: EventField
  ) {
    if d.settings.isHeaderOnly { return }
    s.pointee.name.with { if !$0.isEmpty { w.string(field, $0) } }
  }
}
