import Foundation

/// What came of holding Martlet to somebody else's answers: a table per corpus, and every difference with
/// its reason below it.
struct ConformanceTable {
  enum Outcome: Equatable {
    case equal
    /// Not equal, by a policy of one of the two that a condition has confirmed.
    case policy(String)
    case different
  }

  private struct Corpus {
    var captures: Set<String> = []
    var flows = 0
    var equal = 0
    var policies: [String: Int] = [:]
  }

  private var corpora: [String: Corpus] = [:]
  private var lines: [String] = []
  private(set) var flows = 0
  private(set) var equal = 0
  private(set) var different = 0

  /// Adds one flow; `detail` is printed unless it is equal.
  mutating func add(
    corpus: String, capture: String, _ outcome: Outcome, detail: @autoclosure () -> String
  ) {
    flows += 1
    corpora[corpus, default: Corpus()].captures.insert(capture)
    corpora[corpus]!.flows += 1
    switch outcome {
    case .equal:
      equal += 1
      corpora[corpus]!.equal += 1
    case .policy(let reason):
      corpora[corpus]!.policies[reason, default: 0] += 1
    case .different:
      different += 1
      lines.append("\(capture): \(detail())")
    }
  }

  /// Shares of all flows; 0 where there are none, so that an empty comparison fails.
  var shareEqual: Double { flows == 0 ? 0 : Double(equal) / Double(flows) }
  var shareEqualOrPolicy: Double {
    flows == 0 ? 0 : Double(flows - different) / Double(flows)
  }

  func printed() -> String {
    var text = ""
    for (name, corpus) in corpora.sorted(by: { $0.key < $1.key }) {
      text += "\(name): \(corpus.captures.count) captures, \(corpus.flows) flows\n"
      text += "  \(corpus.equal) equal\n"
      for (reason, count) in corpus.policies.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) })
      {
        text += "  \(count) \(reason)\n"
      }
      let explained = corpus.policies.values.reduce(0, +)
      text += "  \(corpus.flows - corpus.equal - explained) different\n"
    }
    return lines.sorted().reduce(into: text) { $0 += "  \($1)\n" }
  }
}
