import FlowEngine
import Foundation
import Testing

@testable import Records

/// Every field and operator against a reader that knows nothing of the engine: it takes the
/// record's EVE, read by Foundation, and compares what stands at the field's path.
@Suite struct ExpressionDifferentialTests {
  @Test func everyFieldIsAsInEVE() throws {
    var generator = Generator(seed: 0x6d61_7274_6c65_7421)
    var answers: [String: (yes: Int, no: Int)] = [:]
    for _ in 0..<400 {
      let record = generator.record()
      let eve = EVERecord(try object(encode(record, context: generator.context).bytes))
      for field in ExpressionField.all {
        let condition = generator.condition(field, like: eve)
        let expected = condition.holds(eve)
        let found = try holds(condition.text, record, generator.context)
        if found != expected {
          Issue.record("\(condition.text) is \(found) of \(eve.json)")
        }
        var answer = answers[field.names[0], default: (0, 0)]
        if found { answer.yes += 1 } else { answer.no += 1 }
        answers[field.names[0]] = answer
      }
    }
    // Neither answer may be the only one that was tried.
    for (field, answer) in answers {
      let (yes, no) = answer
      #expect(yes > 5 && no > 5, "\(field): \(yes) true, \(no) false")
    }
  }

  /// Conditions of conditions.
  @Test func conditionsGoTogether() throws {
    var generator = Generator(seed: 0x7377_6966_7400_0001)
    var truths = 0
    for _ in 0..<1500 {
      let record = generator.record()
      let eve = EVERecord(try object(encode(record, context: generator.context).bytes))
      let condition = generator.tree(depth: 4, like: eve)
      let expected = condition.holds(eve)
      let found = try holds(condition.text, record, generator.context)
      if found != expected { Issue.record("\(condition.text) is \(found) of \(eve.json)") }
      if found { truths += 1 }
    }
    #expect((300...1200).contains(truths), "\(truths)")
  }
}

/// A condition as text, and what it means for a record's EVE.
struct Condition {
  let text: String
  let holds: (EVERecord) -> Bool
}

/// The values of an EVE record by the names that expressions have for them.
struct EVERecord {
  let json: [String: Any]

  init(_ json: [String: Any]) { self.json = json }

  /// What stands at a path, each element of a list by itself.
  private func at(_ path: String) -> [Any] {
    var value: Any? = json
    for part in path.split(separator: ".") { value = (value as? [String: Any])?[String(part)] }
    return value.map { $0 as? [Any] ?? [$0] } ?? []
  }

  func texts(_ field: ExpressionField) -> [String] {
    let paths =
      switch field.names[0] {
      case "ip": ["src_ip", "dest_ip"]
      case "mac": ["ether.src_macs", "ether.dest_macs"]
      default: [field.names[0]]
      }
    return paths.flatMap { at($0) }.compactMap { $0 as? String }
  }

  func boolean(_ field: ExpressionField) -> Bool {
    (at(field.names[0]).first as? NSNumber)?.boolValue ?? false
  }

  /// Counts as they are, durations in nanoseconds.
  func numbers(_ field: ExpressionField) -> [Int128] {
    func all(_ paths: String...) -> [Int128] {
      paths.flatMap { at($0) }.compactMap { ($0 as? NSNumber).flatMap { Int128($0.stringValue) } }
    }
    switch field.names[0] {
    case "port": return all("src_port", "dest_port")
    case "bytes": return [all("flow.bytes_toserver", "flow.bytes_toclient").reduce(0, +)]
    case "packets": return [all("flow.pkts_toserver", "flow.pkts_toclient").reduce(0, +)]
    case "ip_bytes": return [all("flow.ip_bytes_toserver", "flow.ip_bytes_toclient").reduce(0, +)]
    case "duration":
      let start = nanoseconds("flow.start", all("flow.start_nsec")[0])
      return [max(nanoseconds("flow.end", all("flow.end_nsec")[0]) - start, 0)]
    case "flow.age": return all("flow.age").map { $0 * 1_000_000_000 }
    default: return all(field.names[0])
    }
  }

  private func nanoseconds(_ path: String, _ fraction: Int128) -> Int128 {
    let formatter = ISO8601DateFormatter()
    let whole = (at(path)[0] as! String).prefix(19) + "Z"
    return Int128(formatter.date(from: String(whole))!.timeIntervalSince1970) * 1_000_000_000
      + fraction
  }
}

/// Records and conditions, the same ones in every run.
struct Generator: RandomNumberGenerator {
  private var state: UInt64
  let context = RecordContext(
    sensorName: "edge1", startEpochNanoseconds: 1_795_239_000_123_456_789,
    portNames: ["tap0", "tap1"])

  init(seed: UInt64) { state = seed }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  private mutating func chance(_ part: Int) -> Bool { Int.random(in: 0..<part, using: &self) == 0 }

  private mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements.randomElement(using: &self)!
  }

  // MARK: Records

  mutating func record() -> FlowRecord {
    if chance(100) {
      var record = extremeFlow()
      // The context has no names of tags.
      record.cold.marks = .none
      return record
    }
    let proto = pick([
      IPProtocol.tcp, IPProtocol.tcp, IPProtocol.tcp, IPProtocol.udp, IPProtocol.icmp,
      IPProtocol.icmpv6, IPProtocol.sctp, IPProtocol.esp, 61, 200,
    ])
    let addresses =
      proto == IPProtocol.icmpv6 || chance(3)
      ? ["2001:db8::1", "2001:db8::2", "fe80::1", "::1", "::ffff:10.0.0.1"]
      : ["10.0.0.1", "10.0.0.2", "10.1.0.1", "192.168.1.5", "8.8.8.8"]
    let ports: [UInt16] = [0, 1, 22, 53, 80, 443, 8080, 65535]
    var record = flow(
      proto, pick(addresses), pick(ports), pick(addresses), pick(ports), oneWay: chance(4))
    if chance(5) { record.kind = FlowRecordKind.flowUpdate }
    record.cold.updates = UInt16.random(in: 0...3, using: &self)
    record.endReason = UInt8.random(in: 0...7, using: &self)
    record.worker = UInt16.random(in: 0...2, using: &self)
    record.sequence = UInt64.random(in: 0...50, using: &self)
    record.hot.state = UInt8.random(in: 0...3, using: &self)
    record.hot.tcpFlagsA = UInt8.random(in: .min ... .max, using: &self)
    record.hot.tcpFlagsB = UInt8.random(in: .min ... .max, using: &self)
    if chance(2) { record.hot.tcpFlagsA &= record.hot.tcpFlagsB }
    if chance(3) { record.hot.tcpFlagsB = 0 }
    if chance(3) { record.hot.flags |= FlowFlags.fragmented }
    if chance(2) {
      record.app.proto = UInt8.random(in: 1...6, using: &self)
      record.app.toServer = UInt8.random(in: 0...4, using: &self)
      record.app.toClient = UInt8.random(in: 0...4, using: &self)
      record.app.expected = UInt8.random(in: 0...4, using: &self)
      record.app.original = UInt8.random(in: 0...4, using: &self)
      record.app.transactions = UInt16.random(in: 0...3, using: &self)
    }
    if chance(4) {
      record.sampling = FlowSampling(startShift: 1, highestShift: 3, isPartial: chance(2))
    }
    if chance(3) { record.hot.flags ^= FlowFlags.originatorIsB }
    record.setHistory(pick(["", "S", "ShADadFf", "ShADadR", "Dd", "^dA", "SrSrSr", "HAdF"]))
    record.cold.portIndex = UInt16.random(in: 0...2, using: &self)
    if proto != IPProtocol.tcp {
      record.cold.icmpType = UInt8.random(in: 0...9, using: &self)
      record.cold.icmpCode = UInt8.random(in: 0...3, using: &self)
      record.cold.responseICMPCode = UInt8.random(in: 0...3, using: &self)
    }
    if chance(3) {
      record.parts |= FlowRecord.Parts.tunnel
      let outer = ["198.51.100.1", "198.51.100.2"]
      record.tunnel = Tunnel(
        source: RecordsTests.address(pick(outer)), destination: RecordsTests.address(pick(outer)),
        identifier: pick([0, 7]),
        port: pick([0, 4789]), kind: pick([1, 3, 7, 11]), depth: pick([1, 2]), isIPv6: false)
    }
    if chance(3) {
      record.parts |= FlowRecord.Parts.trouble
      record.troubleA.retransmissions = pick([0, 3])
      record.troubleB.missedBytes = pick([0, 5000])
    }
    if chance(2) { record.cold.vlanOuter = pick([0, 5, 100, 4095]) }
    if record.cold.vlanOuter != 0xffff, chance(2) { record.cold.vlanInner = pick([5, 7]) }
    if chance(2) {
      record.cold.macA = (pick([0, 0x1b00]), 0x1234, pick([1, 2]))
      record.cold.macB = (0xffff, 0xffff, 0xffff)
    }
    record.cold.ttlA = pick([1, 64, 128, 255])
    record.cold.tosA = pick([0, 0xb8, 0xff])
    record.cold.firstSeen += Int64.random(in: -3_000_000_000...3_000_000_000, using: &self)
    record.hot.lastSeen = record.cold.firstSeen + pick([0, 1, 999, 1000, 1_500_000_000])
    record.cold.firstReply = pick([0, record.cold.firstSeen + 250, record.cold.firstSeen - 1])
    record.hot.sideA = side()
    record.hot.sideB = side()
    record.cold.reportedBytesA = UInt48(min(record.hot.sideA.bytes, 100))
    return record
  }

  private mutating func side() -> FlowSide {
    var side = FlowSide()
    guard !chance(4) else { return side }
    side.packets = UInt64.random(in: 1...20, using: &self)
    side.bytes = pick([60, 1000, 1024, 5_000_000, 1 << 40, .max])
    side.ipBytes = side.bytes - 14
    side.window = pick([0, 501, 65535])
    side.history = UInt16.random(in: 0..<2048, using: &self)
    return side
  }

  // MARK: Conditions

  mutating func tree(depth: Int, like eve: EVERecord) -> Condition {
    guard depth > 0, !chance(4) else { return condition(pick(ExpressionField.all), like: eve) }
    let left = tree(depth: depth - 1, like: eve)
    switch Int.random(in: 0..<3, using: &self) {
    case 0:
      return Condition(text: "\(pick(["not ", "!"]))(\(left.text))") { !left.holds($0) }
    case 1:
      let right = tree(depth: depth - 1, like: eve)
      return Condition(text: "(\(left.text)) \(pick(["and", "&&", "AND"])) (\(right.text))") {
        left.holds($0) && right.holds($0)
      }
    default:
      let right = tree(depth: depth - 1, like: eve)
      return Condition(text: "(\(left.text)) \(pick(["or", "||", "Or"])) (\(right.text))") {
        left.holds($0) || right.holds($0)
      }
    }
  }

  mutating func condition(_ field: ExpressionField, like eve: EVERecord) -> Condition {
    let name = pick(field.names)
    if chance(8) { return presence(field, name) }
    switch field.kind {
    case .number, .duration: return number(field, name, eve)
    case .time: return time(field, name, eve)
    case .address: return address(field, name, eve)
    case .boolean:
      let wanted = Bool.random(using: &self)
      return Condition(text: "\(name) == \(wanted)") { $0.boolean(field) == wanted }
    case .mac, .word, .text: return text(field, name, eve)
    case .any: preconditionFailure("a flow record has no field of any type")
    }
  }

  private func presence(_ field: ExpressionField, _ name: String) -> Condition {
    Condition(text: name) { eve in
      switch field.kind {
      case .boolean: eve.boolean(field)
      case .number, .duration: !eve.numbers(field).isEmpty
      default: !eve.texts(field).isEmpty
      }
    }
  }

  private mutating func number(_ field: ExpressionField, _ name: String, _ eve: EVERecord)
    -> Condition
  {
    // A field beside a field, now and then.
    if chance(6) {
      let others = ExpressionField.all.filter { $0.kind == field.kind }
      let other = pick(others)
      let (sign, holds) = pick(Self.comparisons)
      return Condition(text: "\(name) \(sign) \(pick(other.names))") { eve in
        eve.numbers(field).contains { left in
          eve.numbers(other).contains { right in holds(left, right) }
        }
      }
    }
    let near = eve.numbers(field).randomElement(using: &self)
    var value = near ?? Int128(pick([0, 1, 4, 53, 1024, 1_500_000_000]))
    if chance(3) { value += Int128(pick([-1, 1, 1000])) }
    // Nothing below zero can be written down; without a unit `age` and `duration` are in seconds.
    value = max(value, 0)
    let plain = field.kind == .duration ? "\(value)ns" : "\(value)"
    switch Int.random(in: 0..<5, using: &self) {
    case 0:
      let last = value + 3
      let text = field.kind == .duration ? "\(value)ns..\(last)ns" : "\(value)-\(last)"
      return Condition(text: "\(name) in \(text)") {
        $0.numbers(field).contains { (value...last).contains($0) }
      }
    case 1:
      let others: [Int128] = [value + 2, 53, 5]
      let unit = field.kind == .duration ? "ns" : ""
      let list = others.map { "\($0)\(unit)" }.joined(separator: ", ")
      let isNegated = chance(3)
      return Condition(text: "\(name) \(isNegated ? "not in" : "in") (\(list), \(plain))") {
        $0.numbers(field).contains { $0 == value || others.contains($0) } != isNegated
      }
    case 2:
      return Condition(text: "\(name) != \(plain)") { !$0.numbers(field).contains(value) }
    default:
      let (sign, holds) = pick(Self.comparisons)
      return Condition(text: "\(name) \(sign) \(plain)") {
        $0.numbers(field).contains { holds($0, value) }
      }
    }
  }

  private static let comparisons: [(String, @Sendable (Int128, Int128) -> Bool)] = [
    ("==", { $0 == $1 }), ("<", { $0 < $1 }), ("<=", { $0 <= $1 }), (">", { $0 > $1 }),
    (">=", { $0 >= $1 }),
  ]

  /// Texts of one form and one time zone are in the order of the times.
  private mutating func time(_ field: ExpressionField, _ name: String, _ eve: EVERecord)
    -> Condition
  {
    let paths = ["timestamp", "flow.start", "flow.end"]
    let other = ExpressionField.named(pick(paths))!
    let value = eve.texts(other)[0]
    let quoted = chance(2) ? "\"\(value)\"" : value
    switch Int.random(in: 0..<3, using: &self) {
    case 0: return Condition(text: "\(name) == \(quoted)") { $0.texts(field)[0] == value }
    case 1: return Condition(text: "\(name) < \(quoted)") { $0.texts(field)[0] < value }
    default: return Condition(text: "\(name) >= \(quoted)") { $0.texts(field)[0] >= value }
    }
  }

  private mutating func address(_ field: ExpressionField, _ name: String, _ eve: EVERecord)
    -> Condition
  {
    let near = eve.texts(field).randomElement(using: &self) ?? "10.0.0.1"
    let value = chance(3) ? pick(["10.0.0.1", "2001:db8::2", "::ffff:10.0.0.1", "9.9.9.9"]) : near
    guard !chance(3) else {
      return Condition(text: "\(name) == \(value)") { $0.texts(field).contains(value) }
    }
    let length = Int.random(in: 0...(value.contains(":") ? 128 : 32), using: &self)
    let isNegated = chance(4)
    return Condition(text: "\(name) \(isNegated ? "not in" : "in") (192.0.2.1, \(value)/\(length))")
    {
      $0.texts(field).contains { Self.shares(length, $0, value) } != isNegated
    }
  }

  /// Whether two addresses of one version share their first bits, by the system's reading.
  private static func shares(_ length: Int, _ a: String, _ b: String) -> Bool {
    let family = a.contains(":") ? AF_INET6 : AF_INET
    guard a.contains(":") == b.contains(":") else { return false }
    func bits(_ text: String) -> [Bool] {
      var bytes = [UInt8](repeating: 0, count: family == AF_INET ? 4 : 16)
      inet_pton(family, text, &bytes)
      return bytes.flatMap { byte in (0..<8).map { byte & 0x80 >> $0 != 0 } }
    }
    return bits(a).prefix(length) == bits(b).prefix(length)
  }

  private mutating func text(_ field: ExpressionField, _ name: String, _ eve: EVERecord)
    -> Condition
  {
    let ignoresCase = field.kind != .text
    func plain(_ text: String) -> String { ignoresCase ? text.lowercased() : text }
    let fallback: String
    switch field.kind {
    case .mac: fallback = "00:1b:12:34:00:01"
    case .word:
      guard case .field(let source) = field.source else { preconditionFailure() }
      fallback = pick(ExpressionWords.of(source).filter { $0 != "unknown" && !$0.isEmpty })
    default: fallback = pick(["tap1", "ShADadFf", "S", "edge1", "x"])
    }
    var value = chance(3) ? fallback : eve.texts(field).randomElement(using: &self) ?? fallback
    if ignoresCase, chance(2) { value = value.uppercased() }
    switch Int.random(in: 0..<5, using: &self) {
    case 0, 1:
      let isEqual = Bool.random(using: &self)
      return Condition(text: "\(name) \(isEqual ? "==" : "!=") '\(value)'") {
        $0.texts(field).contains { plain($0) == plain(value) } == isEqual
      }
    case 2:
      let part = String(value.dropFirst().prefix(3))
      let sign = pick(["contains", "~"])
      return Condition(text: "\(name) \(sign) '\(part)'") {
        $0.texts(field).contains { part.isEmpty || plain($0).contains(plain(part)) }
      }
    default:
      var letters = Array(value)
      letters[Int.random(in: letters.indices, using: &self)] = pick(["*", "?"])
      let pattern = String(letters) + pick(["", "*"])
      let isNegated = chance(4)
      return Condition(text: "\(name) \(isNegated ? "!~" : "~") '\(pattern)'") {
        $0.texts(field).contains { fnmatch(plain(pattern), plain($0), FNM_NOESCAPE) == 0 }
          != isNegated
      }
    }
  }
}
