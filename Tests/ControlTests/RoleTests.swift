import ControlAPI
import Foundation
import Glibc
import Testing

@testable import ControlServer

/// Roles: which peer has which, and what each may. With real other users where this is root.
struct RoleTests {
  // MARK: - The list

  private func peer(_ uid: uid_t, gid: gid_t = 65_000, groups: [gid_t] = []) -> PeerCredentials {
    PeerCredentials(pid: 1, uid: uid, gid: gid, groups: groups)
  }

  @Test func unlessConfiguredRootAndTheOwnUserAreAdmin() {
    let access = AccessList()
    #expect(access.role(of: peer(0)) == .admin && access.role(of: peer(geteuid())) == .admin)
    #expect(access.role(of: peer(64_999, groups: [0])) == nil)
  }

  @Test func theHighestRoleWins() throws {
    let access = try AccessList(
      viewers: ["2001", "@3001", "@0"], operators: ["@3002", "2001"], admins: ["@3003"])
    #expect(access.role(of: peer(2001)) == .operator)
    #expect(access.role(of: peer(2002)) == nil)
    #expect(access.role(of: peer(2002, gid: 3001)) == .viewer)
    #expect(access.role(of: peer(2002, gid: 3001, groups: [5, 3002, 7])) == .operator)
    #expect(access.role(of: peer(2002, gid: 3003, groups: [3001])) == .admin)
    #expect(access.role(of: peer(0)) == .admin)
  }

  @Test func namesAreLookedUp() throws {
    let access = try AccessList(viewers: ["nobody"], operators: ["@daemon"], admins: [])
    let nobody = try #require(AccountNames.uid(ofUser: "nobody"))
    let daemon = try #require(AccountNames.gid(ofGroup: "daemon"))
    #expect(access.role(of: peer(nobody)) == .viewer)
    #expect(access.role(of: peer(nobody, groups: [daemon])) == .operator)
  }

  @Test(arguments: [
    (
      "no-such-user",
      "control.operators: there is no user \"no-such-user\" on this machine; a group"
        + " is written @no-such-user"
    ),
    ("@no-such-group", "control.operators: there is no group \"no-such-group\" on this machine"),
  ])
  func namesThatNobodyBears(name: String, message: String) {
    let error = #expect(throws: AccessListError.self) {
      try AccessList(viewers: ["root"], operators: [name], admins: [])
    }
    #expect(error?.description == message)
  }

  // MARK: - What each may

  @Test(arguments: ControlRole.allCases)
  func eachRoleMayWhatItMay(role: ControlRole) throws {
    let engine = FixedEngine()
    try withServer(engine: engine, authorizer: everybodyIs(role)) { path in
      let client = try RawClient(path)
      for entry in DiscoveryTests.table.entries {
        let params = ControlMethod(rawValue: entry.name).flatMap {
          DiscoveryTests.parameters[$0]
        }
        var answer = try client.ask(
          #"{"jsonrpc":"2.0","id":1,"method":"\#(entry.name)","params":\#((params ?? []).text)}"#)
        // What stats.subscribe sends comes between the answers.
        while answer["id"] == .none { answer = try client.answer() }
        #expect(
          (answer.errorCode == -32000) == (role < entry.role), "\(role.name) \(entry.name)")
      }
      if role == .viewer {
        #expect(engine.changes.isEmpty && engine.tuningAsked.isEmpty)
        #expect(engine.shutdownsRequested == 0)
      }
    }
  }

  // MARK: - Real users

  static let canBeOthers =
    geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv")
    && Python.has("socket")

  /// What the server says to a process with these ids; the kernel alone tells the server who it is.
  private func ask(
    _ path: String, _ method: String, uid: Int, gid: Int, groups: String
  ) throws -> JSONValue {
    let script = """
      import socket, sys
      s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
      try: s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"' + sys.argv[2].encode() + b'"}\\n')
      except OSError: pass
      print(s.makefile().readline())
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
    process.arguments = [
      "--reuid=\(uid)", "--regid=\(gid)", groups.isEmpty ? "--clear-groups" : "--groups=\(groups)",
      "/usr/bin/python3", "-c", script, path, method,
    ]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return try JSONParser.parse(String(text.split(separator: "\n").first ?? ""))
  }

  @Test(
    .enabled(
      if: canBeOthers,
      "SKIPPED: other users can only be tried as root, with setpriv and python3"))
  func theKernelSaysWhoItIs() throws {
    let access = try AccessList(viewers: ["64001"], operators: ["@64100"], admins: ["@64200"])
    // More groups than the first question has room for; the one that counts is the last.
    let many = (1...600).map { String(10_000 + $0) }.joined(separator: ",") + ",64200"
    try withServer(
      engine: FixedEngine(), authorizer: access.authorizer, mode: 0o666
    ) { (path: String) throws in
      let cases: [(uid: Int, gid: Int, groups: String, role: ControlRole?)] = [
        (64_001, 64_001, "", .viewer), (64_002, 64_002, "", nil), (64_002, 64_100, "", .operator),
        (64_001, 64_001, "64100", .operator), (64_001, 64_001, "64100,64200", .admin),
        (64_002, 64_002, many, .admin),
      ]
      for (uid, gid, groups, role) in cases {
        for (method, least) in [
          ("stats.get", ControlRole.viewer), ("engine.reload", .operator),
          ("trace.packets", .admin),
        ] {
          let answer = try ask(path, method, uid: uid, gid: gid, groups: groups)
          let mayCall = role.map { $0 >= least } ?? false
          #expect(
            (answer["result"] != .none) == mayCall, "\(uid) \(gid) \(groups.prefix(20)) \(method)")
          if !mayCall { #expect(answer.errorCode == -32000) }
          if role == nil { #expect(answer["error"]?["data"]?["uid"] == .number(String(uid))) }
        }
      }
    }
  }
}
