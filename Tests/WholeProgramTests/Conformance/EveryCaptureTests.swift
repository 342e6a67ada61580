import Foundation
import Testing

/// Every capture there is, of any link type, damaged or made to be malformed: read to its end, and every
/// packet accounted for.
@Suite(.enabled(if: Captures.areThere, "\(Captures.absent)"))
struct EveryCaptureTests {
  /// What `--summary --json` says of where packets went.
  struct Account: Equatable {
    var packets = 0
    var inFlows = 0
    var notIP = 0
    var discarded = 0

    init(_ text: String) throws {
      guard
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
        let packets = object["packets"] as? Int,
        let protocols = object["protocols"] as? [[String: Any]],
        let notIP = object["not_ip"] as? [String: Int],
        let discarded = object["discarded"] as? [String: Int]
      else { throw SupportError("no summary: \(text.prefix(200))") }
      self.packets = packets
      inFlows = protocols.reduce(0) { $0 + ($1["packets"] as? Int ?? 0) }
      self.notIP = notIP.values.reduce(0, +)
      self.discarded = discarded.values.reduce(0, +)
    }

    /// Nothing is filtered here, and at the end no fragment waits any more.
    var isBalanced: Bool { packets == inFlows + notIP + discarded }
  }

  struct Captured {
    let entry: Captures.Entry
    let path: String

    var isSound: Bool { !entry.isDamaged && !refused.contains(entry.path) }
  }

  /// Each file once: the manifest has some twice, for two truths.
  static let entries: [Captured] = {
    var seen: Set<String> = []
    return Captures.manifest.compactMap { entry in
      guard seen.insert(entry.path).inserted else { return nil }
      return Captures.path(entry.path).map { Captured(entry: entry, path: $0) }
    }
  }()

  /// All of it was read, some of it was not, nothing could be: any other end is a fault.
  static let ends: Set<Subprocess.Status> = [.exited(0), .exited(65), .exited(66)]

  /// Halves the captures until one that fails alone is left, or those that fail only together.
  static func culprits<Capture>(
    _ captures: [Capture], fail: ([Capture]) -> Bool
  ) -> [Capture] {
    var captures = captures
    while captures.count > 1 {
      let half = captures.count / 2
      if fail(Array(captures[..<half])) {
        captures = Array(captures[..<half])
      } else if fail(Array(captures[half...])) {
        captures = Array(captures[half...])
      } else {
        break
      }
    }
    return captures
  }

  /// Piles of captures of all corpora. One at a time would be two thousand processes; all at once costs
  /// as much for choosing the next packet among two thousand files.
  static let piles: [[Captured]] = (0..<32).map { pile in
    stride(from: pile, to: entries.count, by: 32).map { entries[$0] }
  }

  @Test func noCaptureIsMissing() {
    let names = Set(Captures.manifest.map(\.path))
    #expect(Self.entries.count == names.count && names.count > 1900)
  }

  /// Of versions that there are not: to refuse them is right, and the manifest calls them sound.
  static let refused: Set<String> = [
    "libpcap/tests/pcapng-invalid-vers-1.pcapng", "gopacket/pcapgo/tests/le/test901.pcapng",
  ]

  /// What is wrong with a run over some captures; nil where nothing is.
  private static func fault(_ captures: [Captured], _ options: [String]) -> String? {
    do {
      let run = try FileRead(
        captures.map(\.path) + ["--summary", "--json", "--quiet"] + options, seconds: 60)
      guard ends.contains(run.status) else { return "\(run.status)\n\(run.errors.suffix(1000))" }
      let known = captures.reduce(0) { $0 + $1.entry.packets }
      if run.status == .exited(66) {
        return known == 0 || !captures.contains(where: \.isSound) ? nil : "not read: \(run.errors)"
      }
      let account = try Account(run.output)
      guard account.isBalanced else { return "\(account)" }
      // How much of a damaged capture can be read is a matter of opinion.
      guard captures.allSatisfy(\.isSound) else { return nil }
      return account.packets == known ? nil : "\(account.packets) packets of \(known)"
    } catch {
      return "\(error)"
    }
  }

  /// Every packet of every capture is received and in a flow, not IP or discarded by name; a pile that
  /// is wrong is halved until the capture has a name.
  @Test(arguments: ["ignore", "count", "discard"])
  func everyPacketIsAccountedFor(_ policy: String) {
    let options = ["--workers", policy == "ignore" ? "1" : "2", "--checksums", policy]
    for pile in Self.piles {
      let sound = pile.filter(\.isSound)
      let damaged = pile.filter { !$0.isSound }
      for captures in [sound] + damaged.map({ [$0] }) where !captures.isEmpty {
        guard let fault = Self.fault(captures, options) else { continue }
        let culprits = Self.culprits(captures) { Self.fault($0, options) != nil }
        Issue.record("\(culprits.map(\.path)): \(fault)")
      }
    }
  }

  /// What is written does not depend on the workers.
  @Test func workersMakeNoDifference() {
    func differs(_ captures: [Captured]) -> String? {
      do {
        let runs = try ["1", "2"].map {
          try FileRead(
            captures.map(\.path) + ["--sorted", "--format", "eve", "--quiet", "--workers", $0])
        }
        if let run = runs.first(where: { !Self.ends.contains($0.status) }) {
          return "\(run.status)\n\(run.errors.suffix(1000))"
        }
        return runs[0].output == runs[1].output ? nil : "one and two workers write differently"
      } catch {
        return "\(error)"
      }
    }
    for pile in Self.piles {
      guard let fault = differs(pile) else { continue }
      let culprits = Self.culprits(pile) { differs($0) != nil }
      Issue.record("\(culprits.map(\.path)): \(fault)")
    }
  }

  @Test func aCulpritIsFound() {
    let names = (0..<100).map(String.init)
    #expect(Self.culprits(names) { $0.contains("37") } == ["37"])
    #expect(Self.culprits(names) { $0.contains("37") && $0.contains("80") } == names)
  }
}
