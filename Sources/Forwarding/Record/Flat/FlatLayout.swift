internal import Records

/// How the flat form of one event type becomes EVE: what EVE has, in EVE's order, and which flat
/// field it comes from.
///
/// It is made of the very definitions that the encoders and docs/records.md have: ``FlowField``,
/// ``AnomalyField``, ``StatsField``, ``EventHeadField``.
struct FlatLayout: Sendable {
  /// A member of the EVE record.
  struct Step: Sendable {
    enum Form: Sendable, Equatable {
      case string, integer, boolean
      /// Values with commas between: a list.
      case stringList, integerList
      /// The flat value is JSON already: an object or a list of objects.
      case json
      /// The flat value is a JSON object whose members are the record's own.
      case members
      /// `event_type`, which the stream's name says where the entry does not.
      case eventType
      /// False in every `flow`, and in nothing else (EVE's `flow.alerted`).
      case falseInFlow
      /// True where TCP's flags have the bit, else absent.
      case tcpFlag(UInt8)
    }

    /// The objects around it, outermost first.
    var parents: [[UInt8]]
    var name: [UInt8]
    var form: Form
    /// The flat field, by its place in ``FlatLayout/names``.
    var source: Int
  }

  /// The flat names in the order in which sensors write them.
  let names: [[UInt8]]
  private let places: [[UInt8]: Int]
  let steps: [Step]

  /// The place of a flat name. Sensors always write the same names in the same order, so `guess` is
  /// nearly always right.
  func place(of name: ArraySlice<UInt8>, guess: Int) -> Int? {
    if guess < names.count, names[guess].elementsEqual(name) { return guess }
    return places[Array(name)]
  }

  static func of(type: String) -> FlatLayout {
    switch type {
    case "flow", "flow_update": flow
    case "anomaly": anomaly
    case "stats": stats
    case _ where protocols[type] != nil: protocols[type] ?? other
    default: other
    }
  }

  private static let flow = FlatLayout(
    flat: FlowField.allCases.map(\.definition), eve: flowFieldsInEVE.map(\.definition))
  private static let anomaly = FlatLayout(
    flat: AnomalyField.allCases.map(\.definition), eve: AnomalyField.allCases.map(\.definition))
  private static let stats = FlatLayout(
    flat: StatsField.allCases.map(\.definition), eve: StatsField.allCases.map(\.definition))
  private static let protocols = Dictionary(
    uniqueKeysWithValues: EventType.allCases.filter(\.isProtocol).map { type in
      let fields = EventHeadField.allCases.map { $0.definition(type) }
      return (type.rawValue, FlatLayout(flat: fields, eve: fields))
    })
  /// Of an event type that this program does not know: what all records of packets share.
  private static let other: FlatLayout = {
    let shared = AnomalyField.allCases.map(\.definition).filter { !$0.path.hasPrefix("anomaly.") }
    return FlatLayout(flat: shared, eve: shared)
  }()

  /// In EVE each direction's TTL stands beside its DSCP, and a tunnel begins with its end points.
  private static let flowFieldsInEVE: [FlowField] = FlowField.allCases.flatMap {
    (field: FlowField) -> [FlowField] in
    switch field {
    case .ttlToServer: [.ttlToServer, .dscpToServer]
    case .ttlToClient: [.ttlToClient, .dscpToClient]
    case .dscpToServer, .dscpToClient: []
    case .tunnelKind:
      [
        .tunnelSource, .tunnelDestination, .tunnelPort, .tunnelProto, .tunnelDepth, .tunnelKind,
        .tunnelIdentifier,
      ]
    case .tunnelSource, .tunnelDestination, .tunnelPort, .tunnelProto, .tunnelDepth,
      .tunnelIdentifier:
      []
    default: [field]
    }
  }

  private init(flat: [RecordField], eve: [RecordField]) {
    let names = flat.compactMap { $0.name.map { Array($0.utf8) } }
    let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    self.names = names
    self.places = places
    steps = eve.compactMap { field in Step(field, places: places) }
  }
}

extension FlatLayout.Step {
  /// Nil where the flat form does not have what EVE has.
  fileprivate init?(_ field: RecordField, places: [[UInt8]: Int]) {
    var path = field.path
    let isList = path.hasSuffix("[]")
    let isObject = path.hasSuffix("{}")
    if isList || isObject { path.removeLast(2) }
    let parts = path.split(separator: ".").map { Array($0.utf8) }
    if path.isEmpty, let flatName = field.name, let place = places[Array(flatName.utf8)] {
      (parents, name, form, source) = ([], [], .members, place)
      return
    }
    guard let last = parts.last else { return nil }
    (parents, name) = (Array(parts.dropLast()), last)
    if let flatName = field.name, let place = places[Array(flatName.utf8)] {
      source = place
      if path == "event_type" {
        form = .eventType
      } else if isObject || field.kind == .object {
        form = .json
      } else {
        switch field.kind {
        case .integer: form = isList ? .integerList : .integer
        case .boolean: form = .boolean
        case .string, .timestamp, .object: form = isList ? .stringList : .string
        }
      }
    } else if path == "flow.alerted", let place = places[Array("event".utf8)] {
      (form, source) = (.falseInFlow, place)
    } else if let flag = Self.tcpFlags[path], let place = places[Array("tcp_flags".utf8)] {
      (form, source) = (.tcpFlag(flag), place)
    } else {
      return nil
    }
  }

  /// RFC 9293, section 3.1.
  private static let tcpFlags: [String: UInt8] = [
    "tcp.fin": 0x01, "tcp.syn": 0x02, "tcp.rst": 0x04, "tcp.psh": 0x08, "tcp.ack": 0x10,
    "tcp.urg": 0x20, "tcp.ecn": 0x40, "tcp.cwr": 0x80,
  ]
}
