/// What a comparison with one corpus came to: how much was equal, and why the rest was not.
struct TruthReport {
  let corpus: String
  /// What is counted: flows, sessions, checks.
  let unit: String
  private var captures: Set<String> = []
  private var equal = 0
  /// Differences that a stated policy of one of the two explains, by that policy.
  private var explained: [String: Int] = [:]
  private var explainedLines: [String] = []
  private var different: [String] = []
  private var leftOut: [String: Int] = [:]

  init(corpus: String, unit: String) {
    self.corpus = corpus
    self.unit = unit
  }

  enum Verdict {
    case equal
    /// A difference whose reason has been checked, and what it was.
    case explained(reason: String, detail: String)
    case different(String)
  }

  mutating func add(_ verdict: Verdict, of capture: String) {
    captures.insert(capture)
    switch verdict {
    case .equal: equal += 1
    case .explained(let reason, let detail):
      explained[reason, default: 0] += 1
      explainedLines.append("\(capture): \(detail) (\(reason))")
    case .different(let detail): different.append("\(capture): \(detail)")
    }
  }

  /// What the truth says and no comparison can use, with the reason.
  mutating func leaveOut(_ reason: String, count: Int = 1) { leftOut[reason, default: 0] += count }

  var compared: Int { equal + explained.values.reduce(0, +) + different.count }
  var equalShare: Double { Double(equal) / Double(max(compared, 1)) }
  /// Equal, or different by a policy that was checked.
  var accountedShare: Double { 1 - Double(different.count) / Double(max(compared, 1)) }

  func printTable() {
    print("\(corpus): \(captures.count) captures, \(compared) \(unit) compared")
    print("  \(row(equal)) equal (\(percent(equalShare)))")
    for (reason, count) in explained.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
      print("  \(row(count)) \(reason)")
    }
    print("  \(row(different.count)) different (\(percent(1 - accountedShare)))")
    for (reason, count) in leftOut.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
      print("  \(row(count)) left out: \(reason)")
    }
    for line in different { print("    different: \(line)") }
    for line in explainedLines { print("    explained: \(line)") }
  }

  private func row(_ count: Int) -> String {
    let text = "\(count)"
    return String(repeating: " ", count: max(0, 5 - text.count)) + text
  }

  private func percent(_ share: Double) -> String {
    "\((share * 10_000).rounded() / 100) %"
  }
}
