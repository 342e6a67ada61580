internal import CBurst
internal import FlowEngine

/// What a control connection has announced: the next connection to this end point is its data channel. So it is with
/// a request of TFTP's, whose answer comes from any port of the server.
struct AnnouncedTransfer: BitwiseCopyable {
  /// Rises by one before and by one after each change; odd in between, 0 before the first.
  var version: UInt64 = 0
  var high: UInt64 = 0
  var low: UInt64 = 0
  /// Nanoseconds since 1970 of the announcement.
  var time: Int64 = 0
  var port: UInt16 = 0
  var domain: UInt16 = 0
  var vlan: UInt16 = 0
  /// ``FTPTransfer``; over UDP ``TFTPTransfer/Purpose``
  var transfer: UInt8 = 0
  /// The file's name is only the beginning of it.
  var isCut = false
  var proto: UInt8 = 0
  var name = ShortText<212>()

  static let byteCount = 256

  func isFor(_ address: IPAddress, _ port: UInt16, _ key: FlowKey) -> Bool {
    self.port == port && low == address.low && high == address.high && vlan == key.vlanOuter
      && domain == key.domain && proto == key.proto
  }
}

/// What a data channel is for.
enum FTPTransfer: UInt8, BitwiseCopyable {
  case unknown = 0
  case retrieve
  case store
  case append
  case storeUnique
  case list
  case nameList
  case machineList

  var command: StaticString {
    switch self {
    case .retrieve: "RETR"
    case .store: "STOR"
    case .append: "APPE"
    case .storeUnique: "STOU"
    case .list: "LIST"
    case .nameList: "NLST"
    case .machineList: "MLSD"
    case .unknown: ""
    }
  }

  var isFile: Bool { self != .unknown && rawValue < FTPTransfer.list.rawValue }
}

/// What control connections and TFTP's requests have announced, of all workers: the data channel's flow may belong to
/// another one than its control connection's.
///
///     | worker 0: latest announcement, 64 | 1024 announcements | taken, 8 each | worker 1 … |
///
/// Each worker writes its own part alone, and reads all of them: what is being written while it is read
/// shows by its version (a seqlock), and is read again. A part's announcements are in sets of four, the
/// oldest of which gives way: whoever announces many costs nobody more than that.
struct AnnouncedTransfers: BitwiseCopyable {
  private let memory: UnsafeMutableRawPointer
  private let own: Int
  private let workers: Int

  static let capacity = 1024
  private static let ways = 4
  private static let sets = capacity / ways
  private static let partBytes = 64 + capacity * (AnnouncedTransfer.byteCount + 8)
  /// An announcement holds so long.
  static let lifetimeNanoseconds: Int64 = 300 * 1_000_000_000

  static func byteCount(workers: Int) -> Int { workers * partBytes }

  /// `memory` is zeroed and `byteCount(workers:)` long.
  init(memory: UnsafeMutableRawPointer, worker: Int, workers: Int) {
    self.memory = memory
    own = worker
    self.workers = workers
  }

  // MARK: Places

  private func part(_ worker: Int) -> UnsafeMutableRawPointer {
    memory + worker &* Self.partBytes
  }

  /// When a worker's latest announcement was made; 0: it has made none.
  private func latest(_ worker: Int) -> UnsafeMutablePointer<UInt64> {
    part(worker).assumingMemoryBound(to: UInt64.self)
  }

  private func entry(_ worker: Int, _ place: Int) -> UnsafeMutablePointer<AnnouncedTransfer> {
    (part(worker) + 64 + place &* AnnouncedTransfer.byteCount)
      .assumingMemoryBound(to: AnnouncedTransfer.self)
  }

  private func version(_ worker: Int, _ place: Int) -> UnsafeMutablePointer<UInt64> {
    // It stands first; a test asserts it.
    UnsafeMutableRawPointer(entry(worker, place)).assumingMemoryBound(to: UInt64.self)
  }

  /// Up to which version an announcement has been taken by a connection. Any worker may write it.
  private func taken(_ worker: Int, _ place: Int) -> UnsafeMutablePointer<UInt64> {
    (part(worker) + 64 + Self.capacity &* AnnouncedTransfer.byteCount)
      .assumingMemoryBound(to: UInt64.self) + place
  }

  /// First place of the set of an end point.
  private func set(_ address: IPAddress, _ port: UInt16) -> Int {
    // Any mixing does: a set holds four, and a peer that fills it harms its own server's transfers.
    var hash = address.high &* 0x9e37_79b9_7f4a_7c15 ^ address.low ^ UInt64(port) << 32
    hash = (hash ^ hash >> 31) &* 0xbf58_476d_1ce4_e5b9
    return Int(hash >> 33 & UInt64(Self.sets &- 1)) &* Self.ways
  }

  // MARK: One's own

  /// The worker's own announcement that nobody has taken yet.
  private func find(_ address: IPAddress, _ port: UInt16, _ key: FlowKey) -> Int? {
    let first = set(address, port)
    for place in first..<first &+ Self.ways {
      let entry = entry(own, place)
      if entry.pointee.version > martlet_load_relaxed(taken(own, place)),
        entry.pointee.isFor(address, port, key)
      {
        return place
      }
    }
    return nil
  }

  /// Changes an announcement of one's own, for all to see.
  private func write(_ place: Int, _ change: (inout AnnouncedTransfer) -> Void) {
    let entry = entry(own, place)
    let before = entry.pointee.version
    martlet_store_relaxed(version(own, place), before &+ 1)
    martlet_fence_release()
    var changed = entry.pointee
    change(&changed)
    changed.version = before &+ 1
    entry.pointee = changed
    martlet_store_release(version(own, place), before &+ 2)
  }

  /// A connection to `address` and `port` is to be expected.
  func announce(_ address: IPAddress, _ port: UInt16, _ key: FlowKey, now: Int64) {
    let first = set(address, port)
    var place = first
    if let known = find(address, port, key) {
      place = known
    } else {
      // One that has been taken is free, and of the others the oldest goes.
      var oldest = Int64.max
      for way in first..<first &+ Self.ways {
        let entry = entry(own, way)
        let isFree = entry.pointee.version <= martlet_load_relaxed(taken(own, way))
        let time = isFree ? 0 : entry.pointee.time
        if time < oldest {
          oldest = time
          place = way
        }
      }
    }
    write(place) {
      $0 = AnnouncedTransfer()
      $0.high = address.high
      $0.low = address.low
      $0.time = now
      $0.port = port
      $0.vlan = key.vlanOuter
      $0.domain = key.domain
      $0.proto = key.proto
    }
    let time = UInt64(bitPattern: max(now, 1))
    martlet_store_release(latest(own), max(time, martlet_load_relaxed(latest(own))))
  }

  /// What the announced connection will be for.
  func describe(
    _ address: IPAddress, _ port: UInt16, _ key: FlowKey, _ transfer: UInt8, name: Bytes
  ) {
    guard let place = find(address, port, key) else { return }
    write(place) {
      $0.transfer = transfer
      $0.name.set(name)
      $0.isCut = name.count > Int($0.name.count)
    }
  }

  /// A flow of the sender of a request is to be expected.
  func announce(
    _ address: IPAddress, _ port: UInt16, _ key: FlowKey, now: Int64, purpose: UInt8, name: Bytes
  ) {
    announce(address, port, key, now: now)
    describe(address, port, key, purpose, name: name)
  }

  // MARK: Everybody's

  /// Whether anything has been announced that a connection begun then could be.
  func mayHave(began: Int64) -> Bool {
    for worker in 0..<workers where isLive(worker, began) { return true }
    return false
  }

  private func isLive(_ worker: Int, _ began: Int64) -> Bool {
    let latest = Int64(bitPattern: martlet_load_acquire(latest(worker)))
    return latest != 0 && began &- latest <= Self.lifetimeNanoseconds
  }

  /// A connection has come, whose first payload was there at `began`: what had been announced of either of
  /// its end points by then, which is forgotten with this. When it is asked for makes no difference, as
  /// long as the announcement has been seen by whoever owns it.
  func take(_ key: FlowKey, clientSide: UInt8, began: Int64) -> AnnouncedTransfer? {
    let (server, serverPort, client, clientPort) =
      clientSide == 0
      ? (key.addressB, key.portB, key.addressA, key.portA)
      : (key.addressA, key.portA, key.addressB, key.portB)
    for worker in 0..<workers where isLive(worker, began) {
      // Of a connection whose first packets were not seen the sides may have been taken for each other.
      if let found = take(worker, server, serverPort, key, began)
        ?? take(worker, client, clientPort, key, began)
      {
        return found
      }
    }
    return nil
  }

  private func take(
    _ worker: Int, _ address: IPAddress, _ port: UInt16, _ key: FlowKey, _ began: Int64
  ) -> AnnouncedTransfer? {
    guard let (place, seen) = find(worker, address, port, key, began) else { return nil }
    martlet_store_relaxed(taken(worker, place), seen.version)
    return began &- seen.time <= Self.lifetimeNanoseconds ? seen : nil
  }

  /// As ``take(_:clientSide:began:)``, and nothing is forgotten.
  func isAnnounced(_ key: FlowKey, began: Int64) -> Bool {
    for worker in 0..<workers where isLive(worker, began) {
      if find(worker, key.addressA, key.portA, key, began) != nil
        || find(worker, key.addressB, key.portB, key, began) != nil
      {
        return true
      }
    }
    return false
  }

  private func find(
    _ worker: Int, _ address: IPAddress, _ port: UInt16, _ key: FlowKey, _ began: Int64
  ) -> (place: Int, seen: AnnouncedTransfer)? {
    let first = set(address, port)
    for place in first..<first &+ Self.ways {
      // Of a datagram's what it is for is known at once.
      guard let seen = read(worker, place), seen.isFor(address, port, key),
        seen.version > martlet_load_relaxed(taken(worker, place)), seen.time <= began,
        seen.transfer != 0 || key.proto == IPProtocol.tcp
      else { continue }
      return (place, seen)
    }
    return nil
  }

  /// An announcement as it was at one moment; nil where there is none, or it changes all the time.
  private func read(_ worker: Int, _ place: Int) -> AnnouncedTransfer? {
    let words = version(worker, place)
    for _ in 0..<8 {
      let before = martlet_load_acquire(words)
      if before == 0 { return nil }
      if before & 1 != 0 { continue }
      var copy = AnnouncedTransfer()
      withUnsafeMutableBytes(of: &copy) { copy in
        for word in 0..<copy.count / 8 {
          copy.storeBytes(
            of: martlet_load_relaxed(words + word), toByteOffset: word &* 8, as: UInt64.self)
        }
      }
      martlet_fence_acquire()
      if martlet_load_relaxed(words) == before { return copy }
    }
    return nil
  }
}
