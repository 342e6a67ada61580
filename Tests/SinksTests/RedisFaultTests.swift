import Foundation
import Records
import Sinks
import Testing

/// What befalls a Redis in a long life, one after the other at random, while records come all the time.
/// A checker that knows what was made then finds each record in the stream once, or counted by cause.
///
/// A few seconds here; `make soak` makes it minutes (`MARTLET_SOAK_SECONDS`).
@Suite(.enabled(if: RedisServer.isInstalled), .serialized)
struct RedisFaultTests {
  private let key = "martlet:{s}:flow"

  static let seconds =
    ProcessInfo.processInfo.environment["MARTLET_SOAK_SECONDS"].flatMap(Double.init) ?? 12

  private enum Fault: CaseIterable {
    case killed, hung, outOfMemory, readOnly, loading, passwordChanged, connectionsKilled, restarted
  }

  /// Numbers of records, in the order of their batches: what was taken.
  private final class Producer: @unchecked Sendable {
    private let sink: RedisSink
    private let lock = NSLock()
    private var isEnding = false
    private(set) var accepted = 0
    private var thread: Thread?

    init(_ sink: RedisSink, from first: Int) {
      self.sink = sink
      accepted = first
      let thread = Thread { [self] in
        while !lock.withLock({ isEnding }) {
          // Only what is taken is numbered, so that the stream shows what is missing.
          if sink.offer(batch(accepted..<accepted + 20)) {
            lock.withLock { accepted += 20 }
          }
          usleep(2000)
        }
        lock.withLock { self.thread = nil }
      }
      self.thread = thread
      thread.start()
    }

    func end() -> Int {
      lock.withLock { isEnding = true }
      while lock.withLock({ thread != nil }) { usleep(1000) }
      return accepted
    }
  }

  private func settings(
    _ server: RedisServer, _ folder: TemporaryFolder, _ password: @escaping @Sendable () -> String?
  ) -> RedisSinkSettings {
    var settings = RedisSinkSettings(
      url: server.url, sensor: "s", queueBytes: 1 << 20, batchRecords: 64, lingerMilliseconds: 10,
      connectTimeoutSeconds: 0.5, replyTimeoutSeconds: 0.5, leaseMilliseconds: 1000,
      spoolDirectory: folder.file("spool"), spoolBytes: 256 << 20)
    settings.currentPassword = password
    return settings
  }

  /// With an AOF that is synchronised at each write: nothing that was acknowledged is lost.
  @Test func everyFaultInTurnLosesAndDoublesNothing() throws {
    let server = try RedisServer([
      "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
      "--enable-debug-command", "yes",
    ])
    let folder = try TemporaryFolder()
    let password = Password()
    server.password = { password.value }
    var sink = try RedisSink(settings: settings(server, folder) { password.value })
    try sink.start()
    var producer = Producer(sink, from: 0)
    var next = 0
    var (lost, reordered, retries): (UInt64, UInt64, UInt64) = (0, 0, 0)
    var faults: [Fault] = []
    let end = Date().addingTimeInterval(Self.seconds)
    while Date() < end || faults.count < Fault.allCases.count {
      // Each in turn, then by chance.
      let fault =
        faults.count < Fault.allCases.count
        ? Fault.allCases[faults.count] : Fault.allCases.randomElement() ?? .killed
      faults.append(fault)
      usleep(UInt32.random(in: 50_000...400_000))
      switch fault {
      case .killed:
        server.killAndWait()
        usleep(UInt32.random(in: 0...700_000))
        try server.launch()
      case .hung:
        server.signal(SIGSTOP)
        usleep(UInt32.random(in: 100_000...1_200_000))
        server.signal(SIGCONT)
      case .outOfMemory:
        try server.command("CONFIG", "SET", "maxmemory", "1")
        usleep(300_000)
        try server.command("CONFIG", "SET", "maxmemory", "0")
      case .readOnly:
        try server.command("REPLICAOF", "127.0.0.1", "1")
        usleep(300_000)
        try server.command("REPLICAOF", "NO", "ONE")
      case .loading:
        server.killAndWait()
        // A millisecond a key, of which there are a few hundred.
        try server.launch(waitsForData: false, options: ["--key-load-delay", "500"])
        usleep(300_000)
        server.killAndWait()
        try server.launch()
      case .passwordChanged:
        let fresh = "secret\(faults.count)"
        try server.command("CONFIG", "SET", "requirepass", fresh)
        usleep(200_000)
        password.value = fresh
        try server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
      case .connectionsKilled:
        for _ in 0..<10 {
          try server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
          usleep(20_000)
        }
      case .restarted:
        // The sensor's own end and start, whatever Redis does just now.
        next = producer.end()
        sink.finish(withinSeconds: 2)
        expectBalanced(sink.counters)
        lost += sink.counters.droppedError + sink.counters.lostByRedis
        reordered += sink.counters.reordered
        retries += sink.counters.retries
        sink = try RedisSink(settings: settings(server, folder) { password.value })
        // Its predecessor's lease is not that of a dead process: this one is alive. It expires.
        try until("the lease can be taken") { (try? sink.start()) != nil }
        producer = Producer(sink, from: next)
      }
      expectBalanced(sink.counters)
    }
    next = producer.end()
    try until("everything is settled", seconds: 60) { sink.counters.backlog == 0 }
    sink.finish(withinSeconds: 10)
    let counters = sink.counters
    lost += counters.droppedError + counters.lostByRedis
    reordered += counters.reordered
    retries += counters.retries
    expectBalanced(counters)
    #expect(counters.lostByRedis == 0)
    let numbers = try server.entries(key).map { Int($0[1].dropFirst(5).dropLast()) ?? -1 }
    let missing = next - Set(numbers).count
    #expect(
      Set(numbers).count == numbers.count, "\(numbers.count - Set(numbers).count) are doubled")
    // What a full queue refused has not been numbered; what was accepted and given up on has.
    #expect(missing <= Int(lost), "\(missing) are missing, \(lost) were counted")
    #expect(reordered > 0 || numbers == numbers.sorted(), "the order is not kept")
    print(
      "faults: \(faults.count), records: \(next), doubled: \(numbers.count - Set(numbers).count),"
        + " missing: \(missing), counted as lost: \(lost), retries: \(retries),"
        + " reordered: \(reordered)")
  }

  /// Without persistence, Redis loses all it has at each crash: what the window holds comes again, and
  /// the rest is counted.
  @Test func aRedisThatForgetsIsToldAgainOrItsLossIsCounted() throws {
    let server = try RedisServer()
    let folder = try TemporaryFolder()
    var settings = settings(server, folder) { nil }
    settings.retransmitBytes = 200_000
    let sink = try RedisSink(settings: settings)
    try sink.start()
    let producer = Producer(sink, from: 0)
    for _ in 0..<4 {
      usleep(500_000)
      server.killAndWait()
      try server.launch()
      try until("it delivers again") { sink.counters.isHealthy }
    }
    let made = producer.end()
    try until("everything is settled") { sink.counters.backlog == 0 }
    sink.finish(withinSeconds: 10)
    let counters = sink.counters
    expectBalanced(counters)
    let numbers = try server.entries(key).map { Int($0[1].dropFirst(5).dropLast()) ?? -1 }
    #expect(Set(numbers).count == numbers.count && numbers == numbers.sorted())
    #expect(made - numbers.count == Int(counters.lostByRedis))
    #expect(counters.retransmitted > 0)
  }

  /// The network is cut: packets go nowhere, and nobody says so.
  @Test(.enabled(if: CutNetwork.isPossible)) func packetsThatAreDroppedSilentlyLoseNothing() throws
  {
    let network = try CutNetwork()
    let server = try RedisServer(
      ["--appendonly", "yes", "--appendfsync", "always", "--bind", "*", "--protected-mode", "no"],
      port: 16_379, wrapper: network.inside)
    let folder = try TemporaryFolder()
    var settings = settings(server, folder) { nil }
    settings.url = "redis://\(network.address):16379"
    let sink = try RedisSink(settings: settings)
    try sink.start()
    let producer = Producer(sink, from: 0)
    for _ in 0..<3 {
      let before = sink.counters.delivered
      try until("records arrive") { sink.counters.delivered > before }
      try network.cut()
      try until("the cut is noticed") { !sink.counters.isHealthy && sink.counters.spooled > 0 }
      try network.mend()
    }
    let made = producer.end()
    try until("everything is settled") { sink.counters.backlog == 0 }
    sink.finish(withinSeconds: 10)
    // What a full queue refused was not taken, and has no number.
    #expect(sink.counters.lost == sink.counters.droppedQueueFull)
    #expect(try server.entries(key) == (0..<made).map { ["eve", "{\"n\":\($0)}"] })
  }
}

/// A password that changes.
private final class Password: @unchecked Sendable {
  private let lock = NSLock()
  private var text: String?

  var value: String? {
    get { lock.withLock { text } }
    set { lock.withLock { text = newValue } }
  }
}

/// Two ends of a wire between this host and a network namespace, and somebody who pulls it.
private final class CutNetwork {
  private let name = "mrtl\(UInt16.random(in: .min ... .max))"
  let address: String

  static let isPossible: Bool = {
    guard geteuid() == 0, (try? CutNetwork()) != nil else {
      FileHandle.standardError.write(
        Data("\n*** no network namespaces: A CUT NETWORK IS NOT TESTED ***\n\n".utf8))
      return false
    }
    return true
  }()

  /// Runs a program on the far side.
  var inside: [String] { ["/usr/bin/env", "ip", "netns", "exec", name] }

  init() throws {
    // A net of four addresses, of those that are for documentation (RFC 5737).
    let net = 4 * Int.random(in: 0...60)
    address = "198.51.100.\(net + 2)"
    try Self.ip("netns", "add", name)
    try Self.ip("link", "add", name, "type", "veth", "peer", "name", "far", "netns", name)
    try Self.ip("address", "add", "198.51.100.\(net + 1)/30", "dev", name)
    try Self.ip("link", "set", name, "up")
    try Self.ip("-n", name, "address", "add", "\(address)/30", "dev", "far")
    try Self.ip("-n", name, "link", "set", "far", "up")
  }

  deinit { try? Self.ip("netns", "delete", name) }

  /// The far side loses its address: what comes for it is thrown away there, and nobody says so.
  func cut() throws { try Self.ip("-n", name, "address", "flush", "dev", "far") }

  func mend() throws { try Self.ip("-n", name, "address", "add", "\(address)/30", "dev", "far") }

  private static func ip(_ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["ip"] + arguments
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw TimedOut(description: "ip \(arguments.joined(separator: " ")) failed")
    }
  }
}
