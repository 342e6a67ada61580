/// What the keys of `martlet top` do, in a box.
enum TopHelp {
  private static let text = [
    "1 … 9, Tab    flows, addresses, pairs, ports, protocols,",
    "              VLANs, originators, responders, applications",
    "r k b p       order: bit rate, packet rate, bytes, packets",
    "s             the next order",
    "/             only flows for which an expression is true",
    "Esc           all flows again",
    "↑ ↓ PgUp PgDn scroll; Home: back to the busiest",
    "space         pause, go on",
    "+ -           a longer interval, a shorter one",
    "h ?           this",
    "q Ctrl-C      quit",
    "",
    "red: lost just now   yellow: was lost before, or gets tight",
    "expressions: dest_port == 443 and flow.age > 1m",
    "             ip in 10.0.0.0/8 or vlan == 100",
  ]

  static let lines: [String] = {
    let width = text.map(\.count).max() ?? 0
    let title = " martlet top "
    let top = "╭─\(title)" + String(repeating: "─", count: width + 1 - title.count) + "╮"
    let body = text.map { "│ " + $0 + String(repeating: " ", count: width - $0.count) + " │" }
    return [top] + body + ["╰" + String(repeating: "─", count: width + 2) + "╯"]
  }()
}
