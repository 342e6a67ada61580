import CBurst
import FlowEngine
import Glibc
import Records

/// `--split-by`: a file a flow, a host, or a protocol. Any number of files, of which a few hundred are open
/// at a time.
final class PacketSplitter {
  enum Key: Hashable {
    case flow(Int)
    case host(high: UInt64, low: UInt64, version: UInt8)
    case proto(String)
  }

  private struct Part {
    var path: String
    var format: PacketFormat
    var descriptor: Int32 = -1
    var isBegun = false
    var bytes: [UInt8] = []

    mutating func append(_ packet: UnsafePointer<martlet_packet>) -> String? {
      format.append(packet, to: &bytes)
    }
  }

  private let criterion: Read.SplitCriterion
  private let folder: String
  private let selection: FlowSelection
  private let nanoseconds: Bool
  private var parts: [Part] = []
  private var places: [Key: Int] = [:]
  /// Parts with an open file, the longest open first.
  private var open: [Int] = []
  private var made: Set<String> = []
  private let limit: Int
  private let inputs: Set<FileIdentity>
  /// Held back for all files together.
  private var buffered = 0
  private static let bufferLimit = 64 << 20
  private(set) var error: OutputError?

  static let openLimit = 256
  /// Held back for a file before it is opened.
  private static let pieceBytes = 32 << 10
  /// Beyond so many files in one folder they go to subfolders.
  static let folderLimit = 10_000

  init(
    _ criterion: Read.SplitCriterion, folder: String, selection: FlowSelection, nanoseconds: Bool,
    limit: Int, inputs: Set<FileIdentity>
  ) throws(OutputError) {
    self.inputs = inputs
    self.criterion = criterion
    self.folder = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    self.selection = selection
    self.nanoseconds = nanoseconds
    self.limit = limit
    if criterion == .flow && selection.count > limit {
      throw OutputError(folder, Self.tooMany("\(selection.count) flows", limit))
    }
    try makeFolder(self.folder)
  }

  var fileCount: Int { parts.count }

  private static func tooMany(_ what: String, _ limit: Int) -> String {
    "\(what) would be more than \(limit) files; narrow them with --where, or raise --split-limit"
  }

  func write(_ packet: UnsafePointer<martlet_packet>, flow number: Int) {
    guard error == nil else { return }
    let flow = selection[number]
    switch criterion {
    case .flow: write(packet, .flow(number), flow)
    case .host:
      let (a, b, version) = (flow.key.addressA, flow.key.addressB, flow.key.ipVersion)
      write(packet, .host(high: a.high, low: a.low, version: version), flow)
      if a != b { write(packet, .host(high: b.high, low: b.low, version: version), flow) }
    case .appProto: write(packet, .proto(Self.appProto(flow)), flow)
    }
  }

  private func write(
    _ packet: UnsafePointer<martlet_packet>, _ key: Key, _ flow: FlowSelection.Flow
  ) {
    let place: Int
    if let known = places[key] {
      place = known
    } else {
      place = parts.count
      guard place < limit else {
        error = OutputError(folder, Self.tooMany("its packets", limit))
        return
      }
      places[key] = place
      let path = path(key, flow)
      parts.append(Part(path: path, format: PacketFormat(path: path, nanoseconds: nanoseconds)))
    }
    let before = parts[place].bytes.count
    if let problem = parts[place].append(packet) {
      error = OutputError(parts[place].path, problem)
      return
    }
    buffered += parts[place].bytes.count - before
    if parts[place].bytes.count >= Self.pieceBytes {
      flush(place)
    } else if buffered >= Self.bufferLimit {
      for other in parts.indices { flush(other) }
    }
  }

  // MARK: Names

  /// What the flow speaks; where it does not show that, what carries it.
  private static func appProto(_ flow: FlowSelection.Flow) -> String {
    switch AppProtocol(rawValue: flow.app) ?? .unknown {
    case .unknown, .failed: protocolName(flow.key.proto)
    case let proto: "\(proto.name)"
    }
  }

  private static func protocolName(_ number: UInt8) -> String {
    FlowWords.proto(number).map { "\($0)".lowercased() } ?? "ip-\(number)"
  }

  /// Safe on every file system: colons of IPv6 are dashes, none of which begins a name.
  private static func safe(_ address: IPAddress, _ version: UInt8) -> String {
    let text = addressText(address, version: version).replacing(":", with: "-")
    return text.hasPrefix("-") ? "0" + text : text
  }

  private func path(_ key: Key, _ flow: FlowSelection.Flow) -> String {
    let name: String
    switch key {
    case .flow:
      let (a, b) = (flow.key.addressA, flow.key.addressB)
      let version = flow.key.ipVersion
      let ends = [(a, flow.key.portA), (b, flow.key.portB)].map { address, port in
        let hasPorts = [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp].contains(flow.key.proto)
        return Self.safe(address, version) + (hasPorts ? "_\(port)" : "")
      }
      let (source, destination) =
        flow.originatorIsB ? (ends[1], ends[0]) : (ends[0], ends[1])
      let time = Moment.record(flow.start).prefix(23).filter { $0 != "-" && $0 != ":" }
      name = "\(time)_\(Self.protocolName(flow.key.proto))_\(source)_\(destination)_\(flow.flowID)"
    case .host(let high, let low, let version):
      name = Self.safe(IPAddress(high: high, low: low), version)
    case .proto(let proto): name = proto
    }
    let isMany =
      criterion == .flow ? selection.count > Self.folderLimit : parts.count >= Self.folderLimit
    guard isMany else { return "\(folder)/\(name).pcap" }
    let shard = String(flow.flowID & 0xff, radix: 16)
    let subfolder = "\(folder)/\(shard.count == 1 ? "0" + shard : shard)"
    if made.insert(subfolder).inserted {
      do throws(OutputError) { try makeFolder(subfolder) } catch { self.error = error }
    }
    return "\(subfolder)/\(name).pcap"
  }

  private func makeFolder(_ path: String) throws(OutputError) {
    if mkdir(path, 0o755) != 0 && errno != EEXIST { throw OutputError(path, errno) }
  }

  // MARK: Files

  private func flush(_ place: Int) {
    guard error == nil, !parts[place].bytes.isEmpty else { return }
    if let at = open.firstIndex(of: place) {
      // Used again: the last to be closed.
      open.append(open.remove(at: at))
    } else {
      if open.count == Self.openLimit { closePart(open.removeFirst()) }
      let flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND
      parts[place].descriptor = Glibc.open(parts[place].path, flags, 0o640)
      guard parts[place].descriptor >= 0 else {
        error = OutputError(parts[place].path, errno)
        return
      }
      if !parts[place].isBegun {
        if FileIdentity("", parts[place].descriptor).map(inputs.contains) ?? false {
          error = OutputError(parts[place].path, "is an input and would be overwritten")
          return
        }
        ftruncate(parts[place].descriptor, 0)
      }
      parts[place].isBegun = true
      open.append(place)
    }
    var done = 0
    let descriptor = parts[place].descriptor
    let bytes = parts[place].bytes
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        // `done` is below `count`.
        Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done)
      }
      if count < 0 && errno == EINTR { continue }
      if count < 0 {
        error = OutputError(parts[place].path, errno)
        // Back to whole packets.
        let end = lseek(descriptor, 0, SEEK_END)
        ftruncate(descriptor, end - off_t(done))
        return
      }
      done += count
    }
    buffered -= bytes.count
    // Small files are many: none keeps room that it does not need.
    parts[place].bytes = []
  }

  private func closePart(_ place: Int) {
    if close(parts[place].descriptor) != 0 && error == nil {
      error = OutputError(parts[place].path, errno)
    }
    parts[place].descriptor = -1
  }

  func finish() {
    for place in parts.indices { flush(place) }
    for place in open { closePart(place) }
    open = []
  }
}
