import Dissection
import FlowEngine
import Glibc
import Records

/// `--extract-streams`: what each side of every TCP and UDP conversation sent, a file a direction, named when
/// the conversation is over.
final class StreamExtractor {
  private enum Direction {
    case segments(StreamSegments)
    case datagrams(StreamDatagrams)
  }

  private struct Conversation {
    /// By side of the key.
    var a: Direction?
    var b: Direction?
  }

  private var conversations: [UInt64: Conversation] = [:]
  private let folder: ExtractFolder
  private let identity: FlowIdentity
  private let policy: OverlapPolicy
  private(set) var conversationCount: UInt64 = 0
  private(set) var fileCount: UInt64 = 0
  private(set) var bytes: UInt64 = 0
  private(set) var holes: UInt64 = 0
  private(set) var missing: UInt64 = 0
  /// Files that end before their stream: because of its holes, or because no file may be larger.
  private(set) var cut: UInt64 = 0
  private(set) var full: UInt64 = 0

  /// Conversations that begin within so many packets of the input lie in one folder, so that none has
  /// many files, however many there are, and the same input always gives the same names.
  static let packetsPerFolder: UInt64 = 32_768
  /// Holes of a direction that its line lists.
  static let mostListed = 10_000

  init(
    _ folder: String, context: RecordContext, policy: OverlapPolicy
  ) throws(OutputError) {
    self.folder = try ExtractFolder(folder, context: context)
    identity = FlowIdentity(sensorName: context.sensorName)
    self.policy = policy
  }

  var error: OutputError? { folder.error }

  func take(_ head: PayloadHead, _ bytes: UnsafeRawBufferPointer) {
    // An end without anything before it is no stream.
    if head.length == 0 && conversations[head.flow] == nil { return }
    if head.side == 0 {
      add(head, bytes, to: &conversations[head.flow, default: Conversation()].a)
    } else {
      add(head, bytes, to: &conversations[head.flow, default: Conversation()].b)
    }
    folder.pool.watchMemory()
  }

  private func add(
    _ head: PayloadHead, _ bytes: UnsafeRawBufferPointer, to direction: inout Direction?
  ) {
    // Taken out for the moment, so that nothing in it is copied.
    switch direction.take() {
    case .segments(var stream):
      stream.take(head, bytes, policy)
      direction = .segments(stream)
    case .datagrams(var stream):
      stream.take(head, bytes)
      direction = .datagrams(stream)
    case nil:
      if head.length == 0 { return }
      direction =
        head.kind == .segment
        ? .segments(StreamSegments(folder.pool.make(), head))
        : .datagrams(StreamDatagrams(folder.pool.make(), head))
      add(head, bytes, to: &direction)
    }
  }

  /// A flow is over. What `--where` leaves out is thrown away.
  func end(_ record: UnsafePointer<FlowRecord>, isWanted: Bool) {
    guard let conversation = conversations.removeValue(forKey: record.pointee.cold.ordinal) else {
      return
    }
    guard isWanted, error == nil else {
      discard(conversation.a)
      discard(conversation.b)
      return
    }
    conversationCount += 1
    let group = record.pointee.cold.ordinal / Self.packetsPerFolder
    let name = Self.name(record, identity)
    let digits = "\(group)"
    let place = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    folder.pool.makeSubfolder(place)
    let path = "\(place)/\(name)"
    let isB = record.pointee.originatorIsB
    let toServer = finish(isB ? conversation.b : conversation.a, path, "to_server")
    let toClient = finish(isB ? conversation.a : conversation.b, path, "to_client")
    let parts = [toServer, toClient].compactMap { $0 }.joined(separator: ",")
    if error == nil { folder.index.add(record, "streams", "{\(parts)}") }
  }

  private func discard(_ direction: Direction?) {
    switch direction {
    case .segments(let stream): stream.file.discard()
    case .datagrams(let stream): stream.file.discard()
    case nil: break
    }
  }

  // MARK: Names and lines

  /// Start, protocol, who began and who answered, `flow_id`: safe on every file system.
  private static func name(_ record: UnsafePointer<FlowRecord>, _ identity: FlowIdentity) -> String
  {
    let key = record.pointee.hot.key
    func end(_ endpoint: FlowEndpoint) -> String {
      addressText(endpoint.address, version: key.ipVersion).replacing(":", with: "-")
        + "_\(endpoint.port)"
    }
    let time = Moment.record(record.pointee.cold.firstSeen).prefix(26).filter {
      $0 != "-" && $0 != ":"
    }
    let proto = key.proto == IPProtocol.tcp ? "tcp" : "udp"
    let id = identity.flowID(key: key, cold: record.pointee.cold)
    return
      "\(time)_\(proto)_\(end(record.pointee.originator))_\(end(record.pointee.responder))_\(id)"
  }

  /// Names the direction's file, whose path within the folder is given but for its suffix; its part of the
  /// conversation's line, nil where it sent nothing.
  private func finish(_ direction: Direction?, _ place: String, _ suffix: String) -> String? {
    guard let direction else { return nil }
    let place = "\(place).\(suffix)"
    let path = "\(folder.path)/\(place)"
    var line = "\"\(suffix)\":{\"path\":\"\(place)\""
    switch direction {
    case .segments(var stream):
      stream.finish()
      stream.file.finish(as: path)
      stream.fitToFile()
      line += Self.common(
        stream.size, stream.firstTime, stream.lastTime, stream.holes, stream.holeCount,
        stream.missing, stream.isCut)
      line +=
        ",\"midstream\":\(stream.isMidstream),\"closed\":\(stream.isClosed)"
        + ",\"segments\":\(stream.segments),\"repeated_bytes\":\(stream.repeated)"
        + ",\"differing_bytes\":\(stream.differing),\"early_bytes\":\(stream.early)"
      add(stream.size, stream.holeCount, stream.missing, stream.isCut, stream.file)
    case .datagrams(var stream):
      stream.finish()
      stream.file.finish(as: path)
      stream.fitToFile()
      line += Self.common(
        stream.size, stream.firstTime, stream.lastTime, stream.holes, stream.holeCount,
        stream.missing, stream.isCut)
      line += ",\"datagrams\":\(stream.count),\"datagram_lengths\":["
      line += stream.lengths.lazy.map { "\($0)" }.joined(separator: ",") + "]"
      add(stream.size, stream.holeCount, stream.missing, stream.isCut, stream.file)
    }
    return line + "}"
  }

  private func add(
    _ size: UInt64, _ holes: Int, _ missing: UInt64, _ isCut: Bool, _ file: PayloadFile
  ) {
    fileCount += 1
    if isCut { cut += 1 }
    if file.isFull { full += 1 }
    // Of a file that ends early more may be missing than is listed.
    bytes += size - min(missing, size)
    self.holes += UInt64(holes)
    self.missing += missing
  }

  private static func common(
    _ size: UInt64, _ first: Int64, _ last: Int64, _ holes: [Range<UInt64>], _ holeCount: Int,
    _ missing: UInt64, _ isCut: Bool
  ) -> String {
    let listed = holes.prefix(mostListed).map { "[\($0.lowerBound),\($0.count)]" }
    return ",\"bytes\":\(size),\"first\":\"\(Moment.record(first))\""
      + ",\"last\":\"\(Moment.record(last))\",\"missing_bytes\":\(missing)"
      + ",\"hole_count\":\(holeCount),\"holes\":[\(listed.joined(separator: ","))],\"cut\":\(isCut)"
  }

  func finish() {
    conversations = [:]
    folder.finish()
  }

  /// After ``finish()`` of a run that never began.
  func remove() { folder.remove() }
}
