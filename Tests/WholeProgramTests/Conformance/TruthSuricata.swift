import Foundation

/// A test of Suricata-verify: a capture, how it was read, and what was asked of the records.
struct SuricataTest {
  let name: String
  let truth: TruthValue
  let capture: String
  /// Of `martlet read`, for what its suricata.yaml and arguments say.
  let options: [String]

  /// Which of Suricata's versions is answered for: the newest 7, or the newest of all.
  enum Version: CaseIterable {
    case seven, latest

    var numbers: [Int] { self == .seven ? [7, 0, 99] : [9, 99, 99] }
  }

  /// - Returns: the test, or why it is left out.
  static func load(_ path: String, in folder: String) throws -> (SuricataTest?, String?) {
    let home = "\(folder)/\((path as NSString).deletingLastPathComponent)"
    let text = try String(contentsOfFile: "\(folder)/\(path)", encoding: .utf8)
    guard let truth = try? TruthValue(yaml: text) else { return (nil, "unreadable YAML") }
    if truth["skip"] != nil { return (nil, "skipped by its author") }
    if truth["command"] != nil { return (nil, "runs a command of its own") }
    guard let capture = capture(truth, in: home) else { return (nil, "its capture is not here") }
    let settings = (try? String(contentsOfFile: "\(home)/suricata.yaml", encoding: .utf8)) ?? ""
    let arguments = (truth["args"]?.list ?? []).compactMap(\.text).joined(separator: " ")
    var options = ["--no-timeouts"]
    let configuration = try? TruthValue(yaml: settings)
    if arguments.contains("vlan.use-for-tracking=false")
      || configuration?.at("vlan.use-for-tracking") == .bool(false)
    {
      options.append("--ignore-vlan")
    }
    if let filter = configuration?["bpf-filter"]?.text { options += ["--filter", filter] }
    // In YAML the seed stands with the output that writes records.
    if let seed = settings.firstMatch(of: /community-id-seed: *([0-9]+)/)?.1 {
      options += ["--community-id-seed", String(seed)]
    }
    let name = (path as NSString).deletingLastPathComponent
    return (SuricataTest(name: name, truth: truth, capture: capture, options: options), nil)
  }

  private static func capture(_ truth: TruthValue, in home: String) -> String? {
    let path: String?
    if let named = truth["pcap"]?.text {
      path = "\(home)/\(named)"
    } else {
      let files = (try? FileManager.default.contentsOfDirectory(atPath: home)) ?? []
      path = files.sorted().first { $0.contains(".pcap") }.map { "\(home)/\($0)" }
    }
    return path.flatMap { FileManager.default.fileExists(atPath: $0) ? $0 : nil }
  }

  /// The version by which a check is judged; nil where it is only for older ones.
  func version(of check: TruthValue) -> Version? {
    Version.allCases.first { version in
      [truth["requires"], check["requires"]].allSatisfy { $0 == nil || Self.meets(version, $0!) }
    }
  }

  private static func meets(_ version: Version, _ requirement: TruthValue) -> Bool {
    func numbers(_ text: String) -> [Int] {
      let parts = text.split(separator: ".").map { Int($0) ?? 0 }
      return parts + Array(repeating: 0, count: max(0, 3 - parts.count))
    }
    if let text = requirement["min-version"]?.spelling,
      version.numbers.lexicographicallyPrecedes(numbers(text))
    {
      return false
    }
    if let text = requirement["lt-version"]?.spelling,
      !version.numbers.lexicographicallyPrecedes(numbers(text))
    {
      return false
    }
    if let text = requirement["version"]?.spelling {
      return text.split(separator: ".").map { Int($0) ?? 0 }.elementsEqual(
        version.numbers.prefix(text.split(separator: ".").count))
    }
    return true
  }

  /// Its checks on EVE records.
  var checks: [TruthValue] {
    (truth["checks"]?.list ?? []).compactMap { $0["filter"] }
      .filter { $0["match"]?["event_type"] != nil && $0["count"]?.integer != nil }
  }

  /// What its checks ask of the packet decoder and the stream engine.
  func asked(_ check: TruthValue) -> [SuricataAnomaly] {
    SuricataAnomaly(check).map { [$0] } ?? SuricataAnomaly.named(in: check)
  }

  /// Flows as Suricata has them: of a tunnel the outer ones beside the inner.
  func flows(_ runs: inout TruthRuns) throws -> [TruthFlow] {
    var flows = try runs.flows([capture] + options)
    var known = Set(flows.map(\.tuple))
    for depth in ["outermost", "none"] {
      let outer = try runs.flows([capture] + options + ["--decapsulate", depth])
      flows += outer.filter { !known.contains($0.tuple) }
      known.formUnion(outer.map(\.tuple))
    }
    return flows
  }

  /// Its records, of which the anomalies are some.
  func records(_ runs: inout TruthRuns) throws -> [TruthValue] {
    try runs.records([capture] + options)
  }
}
