import Foundation
import Testing

/// `martlet forward` as a program: killed, doubled, ended, refused. A checker that knows what was
/// published looks at what arrived.
@Suite(.enabled(if: Requirements.redis, "needs redis-server"))
struct ForwardTests {
  private static let key = "martlet:{edge1}:flow"

  /// Entries `{"event_type":"flow","n":0}` …
  private func publish(_ redis: RedisServer, _ numbers: Range<Int>) throws {
    let connection = try redis.connect()
    for number in numbers {
      let json = "{\"event_type\":\"flow\",\"n\":\(number)}"
      _ = try connection.command(["XADD", Self.key, "*", "eve", json])
    }
  }

  /// How often each record stands in the files of a folder.
  private func arrived(_ folder: TemporaryFolder) throws -> [Int: Int] {
    var counts: [Int: Int] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      guard let data = FileManager.default.contents(atPath: folder.file(name)) else { continue }
      for line in data.split(separator: UInt8(ascii: "\n")) {
        // The last line may be under way.
        guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any],
          let number = object["n"] as? Int
        else { continue }
        counts[number, default: 0] += 1
      }
    }
    return counts
  }

  private func forwarder(
    _ redis: RedisServer, to folder: TemporaryFolder, _ options: String...
  ) throws -> Subprocess {
    try Subprocess(
      Programs.martlet,
      ["forward", "file", folder.file("{type}.ndjson"), "--redis", redis.url] + options)
  }

  private func pending(_ redis: RedisServer) throws -> Int? {
    try redis.command("XPENDING", Self.key, "file").array?.first?.integer
  }

  private func records(_ folder: TemporaryFolder, _ type: String) throws -> [[String: Any]] {
    guard let data = FileManager.default.contents(atPath: folder.file("\(type).ndjson")) else {
      return []
    }
    return try data.split(separator: UInt8(ascii: "\n")).map {
      try JSONSerialization.jsonObject(with: $0) as? [String: Any] ?? [:]
    }
  }

  /// The records of a real capture: every one arrives, as ECS names things, and conditions see its fields.
  @Test func protocolRecordsOfARealCapture() throws {
    let redis = try RedisServer()
    let read = try FileRead([Captures.demo, "--publish", redis.url, "--sensor", "edge1"])
    #expect(read.status == .exited(0), "\(read.errors)")
    var made: [String: Int] = [:]
    for record in try FileRead([Captures.demo, "--format", "eve", "--quiet"]).records() {
      made[record["event_type"] as? String ?? "", default: 0] += 1
    }
    let folder = try TemporaryFolder()
    let all = try forwarder(redis, to: folder, "--once", "--schema", "ecs")
    #expect(try all.wait() == .exited(0), "\(all.standardError)")
    for type in ["flow", "dns", "tls", "http", "ssh", "smtp", "dhcp", "ntp"] {
      let count = try records(folder, type).count
      #expect(count > 0 && count == made[type], "\(type)")
    }
    #expect(try redis.command("EXISTS", "martlet:{edge1}:dead").integer == 0)
    let http = try records(folder, "http")
    let url = http.allSatisfy { ($0["url"] as? [String: Any])?["original"] is String }
    let status = http.compactMap { record -> Int? in
      let response = (record["http"] as? [String: Any])?["response"] as? [String: Any]
      return response?["status_code"] as? Int
    }
    #expect(url && !status.isEmpty)
    let question = try records(folder, "dns").compactMap { record -> String? in
      let dns = record["dns"] as? [String: Any]
      return (dns?["question"] as? [String: Any])?["name"] as? String
    }
    #expect(question.count == made["dns"])

    let wanted = try #require(status.max())
    let some = try TemporaryFolder()
    let chosen = try forwarder(
      redis, to: some, "--once", "--group", "second", "--where",
      "http.status == \(wanted) or (dns.rrname contains \"a\" and dns.type == answer)")
    #expect(try chosen.wait() == .exited(0), "\(chosen.standardError)")
    #expect(try records(some, "http").count == status.filter { $0 == wanted }.count)
    let answers = try records(some, "dns")
    #expect(!answers.isEmpty && answers.count < question.count)
    #expect(try records(some, "flow").isEmpty)
  }

  /// Killed when everything is written and nothing acknowledged: Redis does not take its XACK.
  @Test func killedBetweenWriteAndAcknowledge() throws {
    let redis = try RedisServer()
    let folder = try TemporaryFolder()
    try publish(redis, 0..<500)
    try redis.command("ACL", "SETUSER", "default", "-xack")
    let first = try forwarder(redis, to: folder)
    #expect(try eventually(within: 30) { try arrived(folder).count == 500 })
    #expect(
      eventually(within: 30) { first.standardError.contains("NOPERM") },
      "\(first.standardError)")
    first.signal(SIGKILL)
    try first.wait()
    #expect(try pending(redis) == 500)
    try redis.command("ACL", "SETUSER", "default", "+xack")
    let second = try forwarder(redis, to: folder, "--once", "--json")
    #expect(try second.wait() == .exited(0), "\(second.standardError)")
    let counts = try arrived(folder)
    #expect(Set(counts.keys) == Set(0..<500) && counts.values.allSatisfy { $0 == 2 })
    #expect(try pending(redis) == 0)
    #expect(second.standardOutput.contains("\"redelivered\":500"), "\(second.standardOutput)")
  }

  @Test func twoInAGroupOfWhichOneIsKilledAgainAndAgain() throws {
    let redis = try RedisServer()
    let folders = [try TemporaryFolder(), try TemporaryFolder()]
    let options = ["--batch", "20", "--in-hand", "200", "--claim-after", "1", "--linger", "5"]
    func start(_ index: Int) throws -> Subprocess {
      try Subprocess(
        Programs.martlet,
        ["forward", "file", folders[index].file("{type}.ndjson"), "--redis", redis.url] + options)
    }
    let steady = try start(0)
    var killed = try start(1)
    var total = 0
    for _ in 0..<4 {
      try publish(redis, total..<total + 1500)
      total += 1500
      killed.signal(SIGKILL)
      try killed.wait()
      killed = try start(1)
    }
    // On a busy machine one of them may have been quicker every time: both get some in the end.
    #expect(
      try eventually(within: 60) {
        if try folders.allSatisfy({ try !arrived($0).isEmpty }) { return true }
        try publish(redis, total..<total + 500)
        total += 500
        return false
      })
    #expect(
      try eventually(within: 60) {
        let both = try arrived(folders[0]).merging(arrived(folders[1])) { $0 + $1 }
        return try both.count == total && pending(redis) == 0
      }, "\(steady.standardError) \(killed.standardError)")
    // It was started a moment ago, and a signal ends what has not begun yet.
    #expect(eventually(within: 30) { !killed.standardError.isEmpty })
    #expect(try steady.terminate() == .exited(0), "\(steady.standardError)")
    #expect(try killed.terminate() == .exited(0), "\(killed.standardError)")
    let counts = try folders.map { try arrived($0) }
    #expect(counts.allSatisfy { !$0.isEmpty }, "\(counts.map(\.count))")
    let both = counts[0].merging(counts[1]) { $0 + $1 }
    #expect(Set(both.keys) == Set(0..<total))
    // What each of the four had in hand, and no more, may be there twice.
    #expect(both.values.reduce(0, +) - total <= 4 * 200)
  }

  @Test func endedBySignals() throws {
    let redis = try RedisServer()
    try publish(redis, 0..<10)
    for (number, status) in [(SIGTERM, Int32(0)), (SIGINT, 130)] {
      let process = try Subprocess(
        Programs.martlet, ["forward", "null", "--redis", redis.url, "--json"])
      #expect(eventually(within: 30) { process.standardError.contains("of group null") })
      process.signal(number)
      #expect(try process.wait(seconds: 20) == .exited(status), "\(process.standardError)")
      #expect(process.standardOutput.contains("\"delivered\":"))
    }
  }

  @Test func secretsAreNotShownAndWrongOnesAreSaid() throws {
    let redis = try RedisServer()
    try redis.command("CONFIG", "SET", "requirepass", "right-secret")
    let wrong = try Subprocess(
      Programs.martlet, ["forward", "null", "--redis", redis.url, "--once"],
      environment: ["MARTLET_REDIS_PASSWORD": "wrong-secret"])
    #expect(try wrong.wait() == .exited(77), "\(wrong.standardError)")
    #expect(!wrong.standardError.contains("wrong-secret"))
    let folder = try TemporaryFolder()
    let file = try folder.write("right-secret\n", as: "password")
    let right = try Subprocess(
      Programs.martlet,
      ["forward", "null", "--redis", redis.url, "--redis-password-file", file, "--once"])
    #expect(try right.wait() == .exited(0), "\(right.standardError)")
    let shown = try Subprocess(
      Programs.martlet, ["forward", "null", "--redis", "redis://:right-secret@127.0.0.1:1"])
    #expect(try shown.wait() == .exited(64))
    #expect(!shown.standardError.contains("right-secret"), "\(shown.standardError)")
    let away = try Subprocess(
      Programs.martlet, ["forward", "status", "--redis", "unix:/nonexistent/redis.sock"])
    #expect(try away.wait() == .exited(69))
  }
}
