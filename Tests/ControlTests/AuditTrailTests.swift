import AuditLog
import ControlAPI
import Foundation
import Glibc
import Testing

@testable import ControlServer

/// What the server writes into the audit log: changes, refusals, and no more of them than a disk has room
/// for.
struct AuditTrailTests {
  private func withAudit(
    role: ControlRole = .admin,
    _ body: (String, FixedEngine, () throws -> [JSONValue]) throws -> Void
  ) throws {
    let directory = try TestDirectory()
    let log = directory.path + "/audit.log"
    let trail = AuditTrail(writer: try AuditWriter(path: log), logger: quietLogger)
    let engine = FixedEngine()
    try withServer(engine: engine, authorizer: everybodyIs(role), audit: trail) { path in
      try body(path, engine) {
        var lines: [JSONValue] = []
        let report = try AuditVerifier.verify(path: log) { lines.append($1.json) }
        #expect(report.problems.isEmpty, "\(report.problems)")
        return lines
      }
    }
    trail.finish()
    #expect(try AuditVerifier.verify(path: log).problems.isEmpty)
  }

  private func request(_ method: String, _ params: String = "[]") -> String {
    #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#
  }

  @Test func aChangeHasALineBeforeAndOneBehindIt() throws {
    try withAudit { path, _, lines in
      let client = try RawClient(path)
      let answer = try client.ask(request("tuning.set", #"["polling","busy"]"#))
      #expect(answer["result"] != nil)
      let found = try lines()
      #expect(found.count == 2)
      #expect(found[0]["event"] == "begin" && found[0]["method"] == "tuning.set")
      #expect(found[0]["params"] == ["polling", "busy"])
      #expect(found[0]["uid"] == .number(String(geteuid())) && found[0]["role"] == "admin")
      #expect(found[0]["pid"] == .number(String(getpid())))
      #expect(found[1]["event"] == "end" && found[1]["of"] == found[0]["sequence"])
      #expect(found[1]["outcome"] == "ok")
      #expect(found[1]["before"] == "adaptive" && found[1]["after"] == "busy")
      // The daemon says how far its log goes.
      let status = try ControlClient(socketPath: path).call(.engineStatus, as: EngineStatus.self)
      #expect(status.audit?.sequence == 2)
      #expect(.string(status.audit?.lastHash ?? "") == found[1]["hash"])
    }
  }

  @Test func whatOnlyLooksIsNotLogged() throws {
    try withAudit { path, _, lines in
      let client = try RawClient(path)
      for method in ["engine.status", "stats.get", "filter.list", "flows.list", "ports.list"] {
        #expect(try client.ask(request(method))["result"] != nil)
      }
      #expect(try client.ask(request("stats.reset", "[\"v\"]"))["result"] != nil)
      #expect(try lines().isEmpty)
    }
  }

  @Test func everyChangingMethodIsLogged() throws {
    let methods = [
      ("filter.add", #"["a","tcp"]"#), ("filter.replace", #"["a"]"#), ("filter.remove", #"["a"]"#),
      ("filter.move", #"["a",0]"#), ("tuning.set", #"["polling","busy"]"#),
      ("log.setLevel", #"["debug"]"#), ("engine.reload", "[]"), ("flows.kill", #"[1]"#),
      ("ports.start", #"["tap0"]"#), ("ports.stop", #"["tap0"]"#), ("trace.packets", "[]"),
      ("engine.shutdown", "[]"),
    ]
    try withAudit { path, _, lines in
      let client = try RawClient(path)
      for (method, params) in methods {
        #expect(try client.ask(request(method, params))["result"] != nil, "\(method)")
      }
      let found = try lines()
      #expect(found.count == 2 * methods.count)
      for (index, (method, _)) in methods.enumerated() {
        #expect(found[2 * index]["method"] == .string(method))
        #expect(found[2 * index + 1]["outcome"] == "ok")
      }
      #expect(found[21]["after"] == ["packets": 1, "pcapng": true], "no packet is in the log")
    }
  }

  @Test func failuresAndWrongParametersAreLogged() throws {
    try withAudit { path, engine, lines in
      let client = try RawClient(path)
      #expect(try client.ask(request("filter.add", #"["a","nonsense"]"#)).errorCode == -32602)
      #expect(try client.ask(request("filter.add", #"{"nam":"a"}"#)).errorCode == -32602)
      let found = try lines()
      #expect(found.map { $0["event"] } == ["begin", "end", "refused"])
      #expect(found[1]["outcome"] == "failed" && found[1]["error"]?["message"] == "syntax error")
      #expect(found[2]["params"] == ["nam": "a"] && found[2]["error"]?["code"] == -32602)
      #expect(engine.changes.isEmpty)
    }
  }

  @Test func aViewerThatTriesIsLoggedAFewTimesAndThenCounted() throws {
    let directory = try TestDirectory()
    let log = directory.path + "/audit.log"
    let trail = AuditTrail(writer: try AuditWriter(path: log), logger: quietLogger)
    let engine = FixedEngine()
    try withServer(engine: engine, authorizer: everybodyIs(.viewer), audit: trail) { path in
      let client = try RawClient(path)
      for _ in 0..<200 {
        #expect(try client.ask(request("engine.shutdown")).errorCode == -32000)
      }
      #expect(engine.shutdownsRequested == 0)
    }
    trail.finish()
    var lines: [JSONValue] = []
    _ = try AuditVerifier.verify(path: log) { lines.append($1.json) }
    #expect(lines.count == AuditTrail.refusalsPerUser + 1)
    #expect(lines.first?["event"] == "refused" && lines.first?["role"] == "viewer")
    #expect(lines.last?["event"] == "refusals")
    #expect(lines.last?["count"] == .number(String(200 - AuditTrail.refusalsPerUser)))
  }

  @Test func aStrangerIsLogged() throws {
    let directory = try TestDirectory()
    let log = directory.path + "/audit.log"
    let trail = AuditTrail(writer: try AuditWriter(path: log), logger: quietLogger)
    try withServer(engine: FixedEngine(), authorizer: everybodyIs(nil), audit: trail) { path in
      let answer = try RawClient(path).answer()
      #expect(answer.errorCode == -32000)
    }
    trail.finish()
    var lines: [JSONValue] = []
    _ = try AuditVerifier.verify(path: log) { lines.append($1.json) }
    #expect(lines.count == 1 && lines[0]["uid"] == .number(String(geteuid())))
  }

  @Test func whatCannotBeLoggedIsNotDone() throws {
    let directory = try TestDirectory()
    let writer = try AuditWriter(path: directory.path + "/audit.log")
    writer.finish()
    for isRequired in [true, false] {
      let engine = FixedEngine()
      let trail = AuditTrail(writer: writer, isRequired: isRequired, logger: quietLogger)
      try withServer(engine: engine, audit: trail) { path in
        let client = try RawClient(path)
        let answer = try client.ask(request("tuning.set", #"["polling","busy"]"#))
        #expect(answer.errorCode == (isRequired ? -32006 : nil))
        #expect(engine.tuningAsked.count == (isRequired ? 0 : 1))
        #expect(try client.ask(request("stats.get"))["result"] != nil)
      }
    }
  }

  /// A file system of two pages, while `body` runs; false where this process may not make one.
  private static func withSmallDisk(_ body: (String) throws -> Void) throws -> Bool {
    let directory = try TestDirectory()
    guard mount("tmpfs", directory.path, "tmpfs", 0, "size=8k") == 0 else { return false }
    defer { umount2(directory.path, CInt(MNT_DETACH)) }
    try body(directory.path)
    return true
  }

  static let canMount = (try? withSmallDisk { _ in }) == true

  @Test(
    .enabled(if: canMount, "SKIPPED: a full disk can only be tried as root (mount of a tmpfs)"))
  func aFullDiskIsNamedAndMendedInTheChain() throws {
    _ = try Self.withSmallDisk { disk in
      let writer = try AuditWriter(path: disk + "/audit.log")
      let trail = AuditTrail(writer: writer, logger: quietLogger)
      let engine = FixedEngine()
      try withServer(engine: engine, audit: trail) { path in
        let client = try RawClient(path)
        var done = 0
        var answer = JSONValue.null
        for _ in 0..<100 where answer.errorCode == .none {
          answer = try client.ask(request("tuning.set", #"["polling","busy"]"#))
          if answer.errorCode == .none { done += 1 }
        }
        #expect(answer.errorCode == -32006 && done > 5)
        #expect(engine.tuningAsked.count == done, "what could not be logged was not done")
        // Room again: what was written in part is named, and the chain goes on.
        #expect(mount("tmpfs", disk, "tmpfs", UInt(MS_REMOUNT), "size=1m") == 0)
        answer = try client.ask(request("tuning.set", #"["polling","busy"]"#))
        #expect(answer["result"] != .none)
        let report = try AuditVerifier.verify(path: writer.path)
        #expect(report.problems.isEmpty, "\(report.problems)")
        #expect(report.tornLines.count == 1 && report.head == writer.head)
      }
    }
  }

  @Test func longParametersAreLoggedByTheirHash() throws {
    try withAudit { path, _, lines in
      let long = String(repeating: "x", count: 20_000)
      _ = try RawClient(path).ask(request("filter.add", "[\"a\",\"\(long)\"]"))
      #expect(try lines()[0]["params"]?["bytes"] == 20_008)
    }
  }
}
