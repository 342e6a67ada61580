/// What a name stands for where EVE records of any type are meant.
package enum EVEName {
  /// A field of flow records, or one of the handy names.
  case known(ExpressionField)
  /// What stands at this path, list marks left out.
  case path(String)
  /// A known name written wrong, or one in an object whose fields are known and that has none near to
  /// it.
  case misspelt(suggestion: String?)
  /// It begins like a number, or parts of it are empty.
  case notAName

  /// - Parameter events: the fields of the protocols' records; of a protocol that is not in it any name
  ///   is taken.
  package init(_ text: String, events: EventSchema = .none) {
    if let field = ExpressionField.named(text) {
      self = .known(field)
      return
    }
    let isLiteral = text.hasPrefix(".")
    let path = (isLiteral ? String(text.dropFirst()) : text).replacing("[]", with: "")
    let parts = path.split(separator: ".", omittingEmptySubsequences: false)
    guard let first = parts.first, !parts.contains(""), first.first?.isNumber == false else {
      self = .notAName
      return
    }
    if isLiteral || Self.others.contains(path) {
      self = .path(path)
    } else if let known = events.names(in: String(first)) {
      let wrong = parts.indices.dropFirst().first { !known.contains(String(parts[$0])) }
      guard let wrong else {
        self = .path(path)
        return
      }
      let nearest = Spelling.nearest(to: String(parts[wrong]), among: known.sorted())
      self = .misspelt(
        suggestion: nearest.map { near in
          (parts[..<wrong].map(String.init) + [near] + parts[(wrong + 1)...].map(String.init))
            .joined(separator: ".")
        })
    } else if let suggestion = Self.suggestion(for: path, in: String(first)) {
      self = .misspelt(suggestion: suggestion)
    } else {
      self = .path(path)
    }
  }

  private static func suggestion(for path: String, in object: String) -> String? {
    if let other = ExpressionField.foreign[path.lowercased()] { return other }
    switch object {
    // Objects that are known in full: a name near to one of theirs is that one.
    case "flow", "tcp", "tunnel", "sampling", "ether":
      return Spelling.nearest(to: path, among: flowPaths)
    case "anomaly", "stats":
      // Counters within have names of their own.
      if counters.contains(where: { path.hasPrefix($0) }) { return nil }
      return Spelling.nearest(to: path, among: others)
    case _ where eventTypes.contains(object) || topLevel.contains(object): return nil
    default:
      let known = flowPaths + ExpressionField.all.flatMap(\.names) + eventTypes + topLevel
      return Spelling.nearest(to: path, among: known)
        ?? (path.contains(".") ? Spelling.nearest(to: object, among: eventTypes) : nil)
    }
  }

  private static let flowPaths = ExpressionField.all.map { $0.names[0] }

  /// Paths of `anomaly` and `stats`, list marks left out.
  private static let others: [String] =
    (AnomalyField.allCases.map(\.definition) + StatsField.allCases.map(\.definition)).map {
      $0.path.replacing("[]", with: "").replacing("{}", with: "")
    }

  private static let counters: [String] = StatsField.allCases.compactMap { field in
    let path = field.definition.path
    return path.hasSuffix("{}") || path.hasSuffix("[]") ? path.dropLast(2) + "." : nil
  }

  /// EVE's event types: those of this engine, and Suricata 7's and 8's, each with an object of its
  /// name.
  package static let eventTypes =
    EventType.allCases.map(\.rawValue) + [
      "alert", "arp", "bittorrent_dht", "dcerpc", "dnp3", "doh2", "drop", "email", "engine", "enip",
      "files", "frame", "http2", "ike", "krb5", "ldap", "mdns", "metadata", "modbus", "netflow",
      "nfs", "packet", "pgsql", "rdp", "rfb", "smb", "verdict", "websocket",
    ]

  /// Further members of Suricata's records, and those that a forwarder adds.
  private static let topLevel = [
    "app_proto", "app_proto_expected", "app_proto_orig", "app_proto_tc", "app_proto_ts",
    "capture_file", "dest_net", "direction", "flat", "packet_info", "parent_id", "payload",
    "payload_printable", "pcap_cnt", "pcap_filename", "pkt_src", "src_net", "stream", "truncated",
    "tx_id", "xff",
  ]
}

extension EventSchema {
  /// The names that stand in an object of protocol records, at whatever depth; nil where none of them
  /// has that object.
  fileprivate func names(in object: String) -> Set<String>? {
    let own = groups.filter { group in
      group.type.hasSeveralObjects
        ? group.fields.contains { $0.kind == .object && "\($0.name)" == object && !$0.isHidden }
        : group.type.isProtocol && "\(group.key)" == object
    }
    guard !own.isEmpty else { return nil }
    // What is no protocol's own may stand in the object of each.
    let common = groups.filter { !$0.type.isProtocol }
    return Set((own + common).flatMap(\.fields).lazy.filter { !$0.isHidden }.map { "\($0.name)" })
  }
}
