/// What becomes of the packets that a filter rule catches.
package enum FilterAction: String, Codable, Sendable, CaseIterable {
  /// Looked at no further, and counted as filtered. Ends the search.
  case drop
  /// Looked at, whatever the rules behind this one say. Ends the search.
  case keep
  /// Of so many flows one is kept, whole; the others are dropped. Ends the search.
  case sample
  /// Counted in flows whose records go to nobody. The search goes on.
  case nopublish
  /// Their flows bear a name in their records' `tags`. The search goes on.
  case tag
}

/// One rule of the ordered list. A packet that no rule drops is kept.
package struct FilterRule: Codable, Equatable, Sendable {
  /// `[A-Za-z0-9._-]+`, at most 64 characters; tells it from the others.
  package var name = ""
  /// A libpcap expression (pcap-filter(7)); empty: every packet.
  package var expression = ""
  package var action = FilterAction.drop
  /// Of `sample`: of so many flows one is kept, a power of two from 2 to 32,768.
  package var oneIn: Int?
  /// Of `tag`: the name, as a rule's.
  package var tag: String?
  /// Names of the ports that it holds for; nil: all.
  package var ports: [String]?
  /// It sees the innermost IP packet instead of the frame on the wire.
  package var inner = false

  package init() {}
}

/// A rule in force, and what it has caught since it was added or replaced.
package struct FilterState: Codable, Equatable, Sendable {
  package var rule = FilterRule()
  /// From 0; packets are shown to rules in this order.
  package var position = 0
  /// Packets that were shown to it.
  package var evaluated: UInt64 = 0
  /// Packets that it caught.
  package var packets: UInt64 = 0
  /// Their bytes on the wire.
  package var bytes: UInt64 = 0
  /// Of `packets`, those that are counted as filtered because of it.
  package var dropped: UInt64 = 0
  /// TSC ticks that it takes for a packet it is shown, and nanoseconds; measured now and then while
  /// packets come; nil where none came yet.
  package var ticksPerPacket: Double?
  package var nanosecondsPerPacket: Double?
  /// Instructions of its program.
  package var instructions = 0
  /// Since when, wall clock, ``ControlTime``.
  package var since = ""

  package init() {}
}

/// Answer of `filter.list`.
package struct FilterList: Codable, Equatable, Sendable {
  package var rules: [FilterState] = []
  /// Rises with every change.
  package var generation: UInt64 = 0
  /// How many rules there may be.
  package var maximum = 64

  package init() {}
}

/// Parameters of `filter.add`.
package struct FilterAddParameters: ControlParameters, Equatable {
  package static let names = [
    "name", "expression", "action", "oneIn", "tag", "ports", "inner", "position",
  ]
  /// `[A-Za-z0-9._-]+`, at most 64 characters; no other rule has it.
  package var name: String
  /// A libpcap expression (pcap-filter(7)); empty: every packet.
  package var expression: String
  /// `drop` unless given.
  package var action: FilterAction?
  /// Of `sample`, and only there: of so many flows one is kept, a power of two from 2 to 32,768.
  package var oneIn: Int?
  /// Of `tag`, and only there: the name, as a rule's.
  package var tag: String?
  /// Names of the ports that it holds for; all unless given.
  package var ports: [String]?
  /// It sees the innermost IP packet instead of the frame on the wire; false unless given.
  package var inner: Bool?
  /// Where it stands then, from 0; at the end unless given.
  package var position: Int?

  package init(
    name: String, expression: String, action: FilterAction? = nil, oneIn: Int? = nil,
    tag: String? = nil, ports: [String]? = nil, inner: Bool? = nil, position: Int? = nil
  ) {
    self.name = name
    self.expression = expression
    self.action = action
    self.oneIn = oneIn
    self.tag = tag
    self.ports = ports
    self.inner = inner
    self.position = position
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    expression = try container.decode(String.self, forKey: .expression)
    action = try ParameterCheck.word(container, .action, of: FilterAction.allCases)
    oneIn = try container.decodeIfPresent(Int.self, forKey: .oneIn)
    tag = try container.decodeIfPresent(String.self, forKey: .tag)
    ports = try container.decodeIfPresent([String].self, forKey: .ports)
    inner = try container.decodeIfPresent(Bool.self, forKey: .inner)
    position = try container.decodeIfPresent(Int.self, forKey: .position)
  }
}

/// Parameters of `filter.replace`: a rule gives way to another in its place, between two bursts.
package struct FilterReplaceParameters: ControlParameters, Equatable {
  package static let names = [
    "name", "expression", "action", "oneIn", "tag", "ports", "inner", "newName",
  ]
  /// Of the rule that there is.
  package var name: String
  /// As of `filter.add`, like those that follow; what is left out stays as it is.
  package var expression: String?
  /// As of `filter.add`.
  package var action: FilterAction?
  /// As of `filter.add`.
  package var oneIn: Int?
  /// As of `filter.add`.
  package var tag: String?
  /// As of `filter.add`; an empty list: all ports.
  package var ports: [String]?
  /// As of `filter.add`.
  package var inner: Bool?
  /// What the rule is called from now on.
  package var newName: String?

  package init(
    name: String, expression: String? = nil, action: FilterAction? = nil, oneIn: Int? = nil,
    tag: String? = nil, ports: [String]? = nil, inner: Bool? = nil, newName: String? = nil
  ) {
    self.name = name
    self.expression = expression
    self.action = action
    self.oneIn = oneIn
    self.tag = tag
    self.ports = ports
    self.inner = inner
    self.newName = newName
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    expression = try container.decodeIfPresent(String.self, forKey: .expression)
    action = try ParameterCheck.word(container, .action, of: FilterAction.allCases)
    oneIn = try container.decodeIfPresent(Int.self, forKey: .oneIn)
    tag = try container.decodeIfPresent(String.self, forKey: .tag)
    ports = try container.decodeIfPresent([String].self, forKey: .ports)
    inner = try container.decodeIfPresent(Bool.self, forKey: .inner)
    newName = try container.decodeIfPresent(String.self, forKey: .newName)
  }
}

/// Parameters of `filter.remove`.
package struct FilterRemoveParameters: ControlParameters, Equatable {
  package static let names = ["name"]
  /// Of the rule.
  package var name: String

  package init(name: String) { self.name = name }
}

/// Parameters of `filter.move`.
package struct FilterMoveParameters: ControlParameters, Equatable {
  package static let names = ["name", "position"]
  /// Of the rule.
  package var name: String
  /// Where it stands then, from 0; beyond the end is the end.
  package var position: Int

  package init(name: String, position: Int) {
    self.name = name
    self.position = position
  }
}

/// Answer of what changes the rules.
package struct FilterChange: Codable, Equatable, Sendable {
  /// The rule as it was, with what it had caught to the last packet; nil where it is new.
  package var before: FilterState?
  /// The rule as it is; nil where it is gone.
  package var after: FilterState?
  package var generation: UInt64
  /// What the operator ought to know, a sentence each: that a rule before it drops everything, say.
  package var notes: [String]

  package init(
    before: FilterState?, after: FilterState?, generation: UInt64, notes: [String] = []
  ) {
    self.before = before
    self.after = after
    self.generation = generation
    self.notes = notes
  }
}

/// Parameters of `filter.test`.
package struct FilterTestParameters: ControlParameters, Equatable {
  package static let names = ["expression", "packets", "timeoutSeconds", "ports", "inner"]
  package static let packetsRange = 0...1_000_000_000
  package static let timeoutRange = 0.0...60.0
  /// A libpcap expression (pcap-filter(7)).
  package var expression: String
  /// It is shown so many packets, over all workers; 100,000 unless given, 0: compiled only.
  package var packets: Int?
  /// Where fewer come, the answer is given after this; 5 unless given.
  package var timeoutSeconds: Double?
  /// Names of the ports whose packets it is shown; all unless given.
  package var ports: [String]?
  /// It sees the innermost IP packet instead of the frame on the wire; false unless given.
  package var inner: Bool?

  package init(
    expression: String, packets: Int? = nil, timeoutSeconds: Double? = nil,
    ports: [String]? = nil, inner: Bool? = nil
  ) {
    self.expression = expression
    self.packets = packets
    self.timeoutSeconds = timeoutSeconds
    self.ports = ports
    self.inner = inner
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    expression = try container.decode(String.self, forKey: .expression)
    packets = try ParameterCheck.value(container, .packets, in: Self.packetsRange)
    timeoutSeconds = try ParameterCheck.value(
      container, .timeoutSeconds, in: Self.timeoutRange)
    ports = try container.decodeIfPresent([String].self, forKey: .ports)
    inner = try container.decodeIfPresent(Bool.self, forKey: .inner)
  }
}

/// Answer of `filter.test`.
package struct FilterTestAnswer: Codable, Equatable, Sendable {
  /// The program as tcpdump -d shows it, a line an instruction.
  package var program: [String] = []
  package var evaluated: UInt64 = 0
  package var packets: UInt64 = 0
  package var bytes: UInt64 = 0
  /// Bytes of all that was shown.
  package var evaluatedBytes: UInt64 = 0
  package var seconds: Double = 0
  package var ticksPerPacket: Double?
  package var nanosecondsPerPacket: Double?
  /// False where the time was over first.
  package var isComplete = true

  package init() {}
}
