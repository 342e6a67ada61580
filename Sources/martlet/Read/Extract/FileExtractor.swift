import CCrypto
import Dissection
import FlowEngine
import Glibc
import Records

/// `--extract-files`: bodies and attachments, each under its SHA-256, whoever sent it how often.
final class FileExtractor {
  typealias Account = WaitingBodies.Account

  /// A file under way.
  private struct Part {
    let file: PayloadFile
    var account = Account()

    init(_ file: PayloadFile) {
      self.file = file
      ccrypto_sha256_begin(&account.digest)
    }
  }

  /// Within a flow: its sender, and which of those that he sends at a time.
  private struct Place: Hashable {
    var side: UInt8
    var name: UInt32 = 0
  }

  /// A flow's files under way.
  private struct Parts {
    var parts: [Place: Part] = [:]
    /// Of a side, the one that is over next, where it has a name.
    var ending: [UInt8: UInt32] = [:]

    mutating func with(_ place: Place, _ pool: PayloadFilePool, _ change: (inout Part) -> Void) {
      change(&parts[place, default: Part(pool.make())])
    }

    mutating func take(_ place: Place) -> Part? { parts.removeValue(forKey: place) }
  }

  private var flows: [UInt64: Parts] = [:]
  /// Nothing waits without `--where`.
  private var waiting: WaitingBodies
  private let folder: ExtractFolder
  /// Whether a flow is wanted is known at its end.
  private let isChoosy: Bool
  private(set) var occurrences: UInt64 = 0
  private(set) var fileCount: UInt64 = 0
  private(set) var bytes: UInt64 = 0
  private(set) var incomplete: UInt64 = 0
  private(set) var holes: UInt64 = 0
  private(set) var missing: UInt64 = 0

  /// Files that are not complete because of their holes, or because no file may be larger.
  private(set) var cut: UInt64 = 0
  private(set) var full: UInt64 = 0
  /// Bytes of bodies that came, and zeros that stand for those that did not: zeros are hashed, too, and a
  /// sender costs us no more with what he leaves out than with what he sends.
  private var seen: UInt64 = 0
  private var zeros: UInt64 = 0

  struct Limits {
    var waiting = WaitingBodies.Limits()
    /// Zeros of one file, where they are more than its bytes, too.
    var zeros: UInt64 = 1 << 20
    /// Zeros of all files, where they are more than their bytes, too.
    var zerosInAll: UInt64 = 256 << 20
  }

  private let limits: Limits

  init(
    _ folder: String, context: RecordContext, isChoosy: Bool,
    limits: Limits = Limits()
  ) throws(OutputError) {
    let folder = try ExtractFolder(folder, context: context)
    self.folder = folder
    waiting = WaitingBodies(folder.pool, limits.waiting)
    self.limits = limits
    self.isChoosy = isChoosy
  }

  var error: OutputError? { folder.error }
  /// In memory, and on disk.
  var waitingCounts: (bodies: Int, parked: Int) { (waiting.bodyCount, waiting.parkedCount) }

  func take(_ head: PayloadHead, _ bytes: UnsafeRawBufferPointer) {
    let place = Place(side: head.side, name: head.sequence)
    switch head.kind {
    case .fileBegins: flows[head.flow]?.take(place)?.file.discard()
    case .fileBytes:
      flows[head.flow, default: Parts()].with(place, folder.pool) { add(bytes, to: &$0) }
      folder.pool.watchMemory()
    case .fileGap:
      flows[head.flow, default: Parts()].with(place, folder.pool) { leaveOut(head.number, of: &$0) }
    case .fileNamed: flows[head.flow]?.ending[head.side] = head.sequence
    case .fileEnds:
      let name = flows[head.flow]?.ending.removeValue(forKey: head.side) ?? 0
      end(head.flow, Place(side: head.side, name: name), bytes)
    case .segment, .datagram: break
    }
  }

  private func add(_ bytes: UnsafeRawBufferPointer, to part: inout Part) {
    guard !part.account.isCut else { return }
    part.file.write(bytes, at: part.account.size)
    part.account.size += UInt64(bytes.count)
    seen += UInt64(bytes.count)
    ccrypto_sha256_add(&part.account.digest, bytes.baseAddress, bytes.count)
  }

  private func leaveOut(_ count: UInt64, of part: inout Part) {
    let account = part.account
    part.account.holes += 1
    // A count off the wire may be anything.
    let (missing, isTooMuch) = account.missing.addingReportingOverflow(count)
    if isTooMuch || missing > max(limits.zeros, account.size - account.missing)
      || zeros + count > max(limits.zerosInAll, seen)
    {
      part.account.isCut = true
    } else if !account.isCut {
      zeros += count
      part.account.missing = missing
      part.account.size += count
      part.file.extend(to: part.account.size)
      withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { zeros in
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        var left = Int(count)
        while left > 0 {
          ccrypto_sha256_add(&part.account.digest, zeros.baseAddress, min(left, zeros.count))
          left -= zeros.count
        }
      }
    }
  }

  private func end(_ flow: UInt64, _ place: Place, _ message: UnsafeRawBufferPointer) {
    guard let part = flows[flow]?.take(place) else { return }
    if isChoosy {
      waiting.put(part.file, part.account, message, of: flow)
    } else {
      finish(part.file, part.account, message)
    }
  }

  /// A flow is over.
  func end(_ record: UnsafePointer<FlowRecord>, isWanted: Bool) {
    let flow = record.pointee.cold.ordinal
    if let left = flows.removeValue(forKey: flow) {
      for part in left.parts.values { part.file.discard() }
    }
    waiting.take(flow) { file, account, message in
      if isWanted {
        finish(file, account, message)
      } else {
        file.discard()
      }
    }
  }

  private func finish(
    _ file: PayloadFile, _ account: Account, _ message: UnsafeRawBufferPointer
  ) {
    guard error == nil, let event = EventRecord(message) else { return file.discard() }
    var isWhole = FileEvent.isComplete(event) && account.holes == 0 && !account.isCut
    let hash = Self.text(account.digest)
    let group = String(hash.prefix(2))
    folder.pool.makeSubfolder(group)
    var place = isWhole ? "\(group)/\(hash)" : "\(group)/\(hash)\(Self.incompleteSuffix)"
    let isNew = file.finish(as: "\(folder.path)/\(place)")
    var account = account
    account.fit(to: file)
    if account.isFull { full += 1 }
    if account.isFull && isWhole {
      // Known only now.
      isWhole = false
      rename("\(folder.path)/\(place)", "\(folder.path)/\(place)\(Self.incompleteSuffix)")
      place += Self.incompleteSuffix
    }
    occurrences += 1
    if !isWhole { incomplete += 1 }
    if account.isCut { cut += 1 }
    holes += account.holes
    missing += account.missing
    if isNew {
      fileCount += 1
      bytes += account.size - min(account.missing, account.size)
    }
    guard error == nil else { return }
    let side = event.head.side == (event.head.flags & EventHead.Flags.originatorIsB != 0 ? 1 : 0)
    folder.index.add(
      event, "extracted",
      "{\"path\":\"\(place)\",\"sha256\":\"\(hash)\""
        + ",\"bytes\":\(account.size),\"complete\":\(isWhole),\"hole_count\":\(account.holes)"
        + ",\"missing_bytes\":\(account.missing),\"cut\":\(account.isCut)"
        + ",\"direction\":\"\(side ? "to_server" : "to_client")\"}")
  }

  private static let incompleteSuffix = ".incomplete"

  private static func text(_ digest: ccrypto_sha256_state) -> String {
    var digest = digest
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { bytes in
      ccrypto_sha256_end(&digest, bytes.baseAddress)
      let digits = Array("0123456789abcdef".utf8)
      return String(
        decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
  }

  func finish() {
    flows = [:]
    folder.finish()
  }

  /// After ``finish()`` of a run that never began.
  func remove() { folder.remove() }
}
