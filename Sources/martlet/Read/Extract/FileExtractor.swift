import CCrypto
import Dissection
import FlowEngine
import Records

/// `--extract-files`: bodies and attachments, each under its SHA-256, whoever sent it how often.
final class FileExtractor {
  /// A file under way.
  private struct Part {
    let file: PayloadFile
    var size: UInt64 = 0
    var holes: UInt64 = 0
    var missing: UInt64 = 0
    /// Behind a hole that is too large to be kept as zeros nothing is kept.
    var isCut = false
    var digest = ccrypto_sha256_state()

    init(_ file: PayloadFile) {
      self.file = file
      ccrypto_sha256_begin(&digest)
    }
  }

  /// One that is over, and waits for the word whether its flow is wanted.
  private struct Finished {
    var part: Part
    var message: [UInt8]
  }

  private struct Place: Hashable {
    var flow: UInt64
    var side: UInt8
  }

  private var parts: [Place: Part] = [:]
  /// By flow; empty without `--where`.
  private var waiting: [UInt64: [Finished]] = [:]
  private let pool: PayloadFilePool
  private let index: ExtractIndex
  /// Whether a flow is wanted is known at its end.
  private let isChoosy: Bool
  private(set) var occurrences: UInt64 = 0
  private(set) var fileCount: UInt64 = 0
  private(set) var bytes: UInt64 = 0
  private(set) var incomplete: UInt64 = 0
  private(set) var holes: UInt64 = 0
  private(set) var missing: UInt64 = 0

  /// Zeros that stand for bytes nobody saw, of one file.
  private static let mostZeros: UInt64 = 64 << 20

  init(_ folder: String, context: RecordContext, isChoosy: Bool) throws(OutputError) {
    let folder = try ExtractFolder.make(folder)
    pool = try PayloadFilePool(folder: folder)
    index = try ExtractIndex(folder: folder, context: context)
    self.isChoosy = isChoosy
  }

  var error: OutputError? { pool.error ?? index.error }

  func take(_ head: PayloadHead, _ bytes: UnsafeRawBufferPointer) {
    let place = Place(flow: head.flow, side: head.side)
    switch head.kind {
    case .fileBegins: discard(place)
    case .fileBytes:
      if parts[place] == nil { parts[place] = Part(pool.make()) }
      add(bytes, to: &parts[place])
      pool.watchMemory()
    case .fileGap:
      if parts[place] == nil { parts[place] = Part(pool.make()) }
      leaveOut(head.number, of: &parts[place])
    case .fileEnds: end(place, bytes)
    case .segment, .datagram: break
    }
  }

  private func add(_ bytes: UnsafeRawBufferPointer, to part: inout Part?) {
    guard var taken = part.take() else { return }
    if !taken.isCut {
      taken.file.write(bytes, at: taken.size)
      taken.size += UInt64(bytes.count)
      ccrypto_sha256_add(&taken.digest, bytes.baseAddress, bytes.count)
    }
    part = taken
  }

  private func leaveOut(_ count: UInt64, of part: inout Part?) {
    guard var taken = part.take() else { return }
    taken.holes += 1
    if count > Self.mostZeros || taken.missing + count > Self.mostZeros {
      taken.isCut = true
    } else if !taken.isCut {
      taken.missing += count
      taken.size += count
      taken.file.extend(to: taken.size)
      withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { zeros in
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        var left = Int(count)
        while left > 0 {
          ccrypto_sha256_add(&taken.digest, zeros.baseAddress, min(left, zeros.count))
          left -= zeros.count
        }
      }
    }
    part = taken
  }

  private func end(_ place: Place, _ message: UnsafeRawBufferPointer) {
    guard let part = parts.removeValue(forKey: place) else { return }
    if isChoosy {
      waiting[place.flow, default: []].append(Finished(part: part, message: Array(message)))
    } else {
      finish(part, message)
    }
  }

  /// A flow is over.
  func end(_ record: UnsafePointer<FlowRecord>, isWanted: Bool) {
    let flow = record.pointee.cold.ordinal
    for side in 0..<UInt8(2) { discard(Place(flow: flow, side: side)) }
    guard let finished = waiting.removeValue(forKey: flow) else { return }
    for file in finished {
      if isWanted {
        file.message.withUnsafeBytes { finish(file.part, $0) }
      } else {
        file.part.file.discard()
      }
    }
  }

  private func discard(_ place: Place) {
    parts.removeValue(forKey: place)?.file.discard()
  }

  private func finish(_ part: Part, _ message: UnsafeRawBufferPointer) {
    guard error == nil, let event = EventRecord(message) else { return part.file.discard() }
    let isWhole = FileEvent.isComplete(event) && part.holes == 0 && !part.isCut
    let hash = Self.text(part.digest)
    let name = isWhole ? hash : "\(hash).incomplete"
    let path = "\(pool.subfolder(String(hash.prefix(2))))/\(name)"
    let isNew = part.file.finish(as: path)
    occurrences += 1
    if !isWhole { incomplete += 1 }
    holes += part.holes
    missing += part.missing
    if isNew {
      fileCount += 1
      bytes += part.size - part.missing
    }
    guard error == nil else { return }
    let side = event.head.side == (event.head.flags & EventHead.Flags.originatorIsB != 0 ? 1 : 0)
    index.add(
      event, "extracted",
      "{\"path\":\"\(path.dropFirst(pool.folder.utf8.count + 1))\",\"sha256\":\"\(hash)\""
        + ",\"bytes\":\(part.size),\"complete\":\(isWhole),\"hole_count\":\(part.holes)"
        + ",\"missing_bytes\":\(part.missing),\"cut\":\(part.isCut)"
        + ",\"direction\":\"\(side ? "to_server" : "to_client")\"}")
  }

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
    parts = [:]
    waiting = [:]
    pool.finish()
    index.finish()
  }
}
