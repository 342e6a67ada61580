internal import CCrypto
internal import FlowEngine
internal import Records

/// An FTP data channel (RFC 959, section 3.2). Nothing in its bytes tells what it is: it is one because a
/// control connection has announced it (``AnnouncedTransfers``).
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
    var name = ShortText<212>()
  }

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe { .no }

  /// The state of a flow that was announced.
  static func begin(
    _ state: UnsafeMutablePointer<State>, _ announced: AnnouncedTransfer
  ) {
    state.pointee.transfer = announced.transfer
    state.pointee.isCut = announced.isCut
    state.pointee.name = announced.name
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
    w = d.event()
    w.text(FileFields.appProto, "ftp-data")
    w.beginObject(FileFields.ftpData)
    write(d, s, &w, transfer)
    w.end()
    w.beginObject(FileFields.fileinfo)
    writeName(d, s, &w, FileFields.filename)
    let isWhole = s.pointee.isClosed && s.pointee.missing == 0
    var file = FileRecord(
      source: "FTP_DATA", isFromClient: s.pointee.fromClient, began: s.pointee.began,
      transaction: 0, isWhole: isWhole, hasGaps: s.pointee.missing > 0, size: s.pointee.size)
    file.missing = s.pointee.missing
    withUnsafeMutablePointer(to: &s.pointee.digest) {
      if s.pointee.isHashed { file.digest = $0 }
      file.write(d, &w)
    }
    w.end()
    w.incomplete(d)
    d.emit(.fileinfo, w, toServer: s.pointee.fromClient)
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
