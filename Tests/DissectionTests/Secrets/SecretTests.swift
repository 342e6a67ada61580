import Foundation
import Testing

@testable import Dissection

/// A secret put wherever a protocol, a careless user or an attacker may put one gets into no record: whole
/// and in pieces, with holes, broken off, in lower case, pipelined, repeated by the server.
@Suite struct SecretTests {
  /// Little memory, for there are thousands of conversations.
  private static func settings(all: Bool) -> DissectionSettings {
    var settings = DissectionSettings()
    settings.bufferBytes = 512 << 10
    settings.flowCapacity = 8
    settings.inflaterCount = 1
    settings.wantsHiddenRecords = all
    settings.hashesFiles = all
    return settings
  }

  /// Of the ways with holes and ends one in so many, which differ from scene to scene: all of them take
  /// minutes. `MARTLET_EVERY_WAY=1` takes all.
  private static let step =
    ProcessInfo.processInfo.environment["MARTLET_EVERY_WAY"] == nil ? 6 : 1

  /// Every way that it may come by, or whole and in pieces alone.
  private func holds(_ scene: SecretScene, everyWay: Bool = false, records: Bool = true) {
    var count = 0
    for (place, way) in scene.ways.enumerated()
    where place < 2 || everyWay && (place + scene.name.utf8.count) % Self.step == 0 {
      for all in place == 0 ? [false, true] : [true] {
        let played = scene.play(way, Self.settings(all: all))
        count += played.count
        #expect(played.leaks.isEmpty, "\(scene.name), \(way)")
      }
    }
    if records { #expect(count > 0, "\(scene.name) gives records") }
  }

  @Test(arguments: SecretScenes.text.map(\.name)) func textProtocols(_ name: String) throws {
    let scene = try #require(SecretScenes.text.first { $0.name == name })
    holds(scene, everyWay: true)
    holds(scene.lowercase, records: false)
    holds(scene.pipelined)
    for answer in try #require(SecretScenes.echoes[scene.port]) {
      holds(scene.echoed(answer))
      holds(scene.echoed(answer).pipelined, records: false)
    }
  }

  @Test(arguments: SecretScenes.web.map(\.name)) func http(_ name: String) throws {
    let scene = try #require(SecretScenes.web.first { $0.name == name })
    holds(scene, everyWay: true)
    holds(scene.lowercase, records: false)
    holds(scene.pipelined)
  }

  @Test(arguments: SecretScenes.binary.map(\.name)) func others(_ name: String) throws {
    holds(try #require(SecretScenes.binary.first { $0.name == name }), everyWay: true)
  }

  /// The watch sees what is shown: a user's name is no secret.
  @Test func watchSees() {
    let scene = SecretScene(
      name: "user", port: 21,
      turns: [
        .server("220 FTP ready\n"), .client("USER \(SecretWatch.secret)\n"),
        .server("331 Password\n"),
      ])
    #expect(!scene.play(.init(), Self.settings(all: false)).leaks.isEmpty)
    let basic = SecretScene(
      name: "base64", port: 21,
      turns: [
        .server("220 FTP ready\n"), .client("USER \(SecretWatch.plain64)\n"),
        .server("331 Password\n"),
      ])
    #expect(!basic.play(.init(), Self.settings(all: true)).leaks.isEmpty)
  }
}
