/// What a comparison came to: by protocol how much was equal, and why the rest was not.
struct ConformanceTally {
  enum Outcome {
    case equal
    /// A difference whose reason is written down.
    case explained(String)
    case different(String)
  }

  private struct Row {
    var equal = 0
    var explained = 0
    var different = 0

    var all: Int { equal + explained + different }
  }

  let title: String
  private var rows: [String: Row] = [:]
  private var reasons: [String: Int] = [:]
  private var setAside: [String: Int] = [:]
  private(set) var differences: [String] = []

  init(_ title: String) { self.title = title }

  mutating func add(_ outcome: Outcome, to row: String, of source: String) {
    switch outcome {
    case .equal: rows[row, default: Row()].equal += 1
    case .explained(let reason):
      rows[row, default: Row()].explained += 1
      reasons[reason, default: 0] += 1
    case .different(let what):
      rows[row, default: Row()].different += 1
      differences.append("\(source): \(what)")
    }
  }

  mutating func setAside(_ reason: String) { setAside[reason, default: 0] += 1 }

  var equal: Int { rows.values.reduce(0) { $0 + $1.equal } }
  var different: Int { rows.values.reduce(0) { $0 + $1.different } }
  var all: Int { rows.values.reduce(0) { $0 + $1.all } }
  var equalShare: Double { all == 0 ? 0 : Double(equal) / Double(all) }

  func equal(_ row: String) -> Int { rows[row]?.equal ?? 0 }

  /// Of some rows, how many are equal and how many there are.
  func sum(_ names: Set<String>) -> (equal: Int, all: Int) {
    let chosen = rows.filter { names.contains($0.key) }.values
    return (chosen.reduce(0) { $0 + $1.equal }, chosen.reduce(0) { $0 + $1.all })
  }

  /// The table; `most` differences of each row's kind below it.
  func print(most: Int = .max) {
    var text = "\(title)\n"
    func line(_ name: String, _ row: Row) -> String {
      let share = row.all == 0 ? 0 : Double(row.equal) * 100 / Double(row.all)
      return
        "  \(pad(name, 22)) \(number(row.all)) compared \(number(row.equal)) equal"
        + " \(number(row.explained)) explained \(number(row.different)) different"
        + "  \(Int(share)) %\n"
    }
    for (name, row) in rows.sorted(by: { $0.key < $1.key }) { text += line(name, row) }
    text += line(
      "all",
      rows.values.reduce(into: Row()) {
        $0.equal += $1.equal
        $0.explained += $1.explained
        $0.different += $1.different
      })
    for (reason, count) in reasons.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
      text += "  \(number(count)) explained: \(reason)\n"
    }
    for (reason, count) in setAside.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
      text += "  \(number(count)) set aside: \(reason)\n"
    }
    for difference in differences.prefix(most) { text += "    different: \(difference)\n" }
    if differences.count > most { text += "    and \(differences.count - most) more\n" }
    Swift.print(text)
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private func number(_ count: Int) -> String {
    let text = "\(count)"
    return String(repeating: " ", count: max(0, 5 - text.count)) + text
  }
}
