import Foundation
import Testing

@testable import Dissection

@Suite struct SSHTests {
  private static func list(_ names: String) -> [UInt8] {
    Wire.be32(UInt32(names.utf8.count)) + Array(names.utf8)
  }

  private static func packet(_ payload: [UInt8]) -> [UInt8] {
    Wire.be32(UInt32(payload.count + 5)) + [4] + payload + [0, 0, 0, 0]
  }

  private static func keyExchange(_ side: String) -> [UInt8] {
    let lists = [
      "curve25519-sha256,\(side)", "ssh-ed25519", "aes128-ctr,\(side)-c2s",
      "aes256-ctr,\(side)-s2c",
      "hmac-sha2-256", "hmac-sha2-512", "none", "zlib", "", "",
    ]
    return packet(
      [20] + [UInt8](repeating: 7, count: 16) + lists.flatMap(list) + [0, 0, 0, 0, 0])
  }

  static let dialogue = Dialogue(
    port: 22,
    turns: [
      .serverBytes(Array("Hello\r\nSSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".utf8)),
      .clientBytes(Array("SSH-2.0-Test_1.0\r\n".utf8)),
      .clientBytes(keyExchange("client")), .serverBytes(keyExchange("server")),
      .clientBytes(packet([30] + list("key"))),
      .serverBytes(packet([31] + list("hostkey") + list("f") + list("sig")) + packet([21])),
      .clientBytes(packet([21])),
      .clientBytes([UInt8](repeating: 1, count: 48)),
      .serverBytes([UInt8](repeating: 2, count: 48)),
    ])

  @Test func aConnection() {
    let records = Self.dialogue.records("ssh")
    #expect(records.count == 1)
    let record = records.first
    #expect(text(record, "src_ip") == "10.0.0.1")
    #expect(text(record, "ssh.client.proto_version") == "2.0")
    #expect(text(record, "ssh.client.software_version") == "Test_1.0")
    #expect(text(record, "ssh.server.software_version") == "OpenSSH_9.2p1")
    #expect(
      text(record, "ssh.client.hassh.string")
        == "curve25519-sha256,client;aes128-ctr,client-c2s;hmac-sha2-256;none")
    #expect(
      text(record, "ssh.server.hassh.string")
        == "curve25519-sha256,server;aes256-ctr,server-s2c;hmac-sha2-512;zlib")
    #expect(text(record, "ssh.client.hassh.hash")?.count == 32)
    #expect(at(record, "ssh.kex_alg") == nil)
  }

  @Test func cutsAndHoles() {
    Self.dialogue.isCutAnywhere("ssh")
    var settings = DissectionSettings()
    settings.wantsHiddenRecords = true
    Self.dialogue.survivesHoles(settings: settings)
    Self.dialogue.survivesEnds(settings: settings, step: 5)
    #expect(Self.dialogue.records("ssh", settings: settings).count == 1)
  }

  @Test func versionOne() {
    let dialogue = Dialogue(
      port: 2222,
      turns: [.server("SSH-1.99-old\n"), .client("SSH-1.5-older\n"), .clientBytes([0, 0, 1])])
    let record = dialogue.records("ssh").first
    #expect(text(record, "ssh.server.proto_version") == "1.99")
    #expect(text(record, "ssh.client.proto_version") == "1.5")
  }

  @Test func hostilePackets() {
    for bytes in [
      [UInt8](repeating: 0, count: 64), [UInt8](repeating: 0xff, count: 64),
      Self.packet([20] + [UInt8](repeating: 0xff, count: 60)),
      Self.packet([20]), (0..<100).flatMap { _ in Self.packet([2]) },
    ] {
      let dialogue = Dialogue(
        port: 22,
        turns: [
          .server("SSH-2.0-a\n"), .client("SSH-2.0-b\n"), .clientBytes(bytes), .serverBytes(bytes),
        ])
      #expect(dialogue.records("ssh").count == 1)
    }
    let long = String(repeating: "x", count: 70_000)
    let banner = Dialogue(port: 22, turns: [.server("SSH-2.0-\(long)\n"), .client("SSH-2.0-b\n")])
    #expect(text(banner.records("ssh").first, "ssh.server.software_version")?.count == 247)
  }

  @Test func guessAtTheLogin() {
    var login = SSHLogin()
    login.see(52, fromClient: false)
    #expect(login.acceptSize == 0)
    login.see(52, fromClient: true)
    login.see(52, fromClient: false)
    login.see(68, fromClient: false)
    login.see(68, fromClient: false)
    #expect(login.attempts == 1 && !login.isDecided)
    login.see(36, fromClient: false)
    #expect(login.attempts == 2 && login.isSuccess)
  }
}
