/// An EVE record in the Elastic Common Schema, version 8.
///
/// What ECS has a field for stands there (``ECSMapping``); all else of the record stands as EVE has
/// it under `suricata.eve`, where Filebeat's Suricata module puts it, so that what people have made
/// for that finds it. Nothing is lost: an EVE field goes from there only where an ECS field has its
/// very value.
enum ECSDocument {
  static let version = "8.11.0"

  /// The ECS form of a record; `event.id` is ``ForwardRecord/identifier``.
  static func make(from record: ForwardRecord) throws(EVEDocumentError) -> EVEDocument {
    let document = record.document
    let type = document.text(typePath) ?? record.stream.type
    var members: [ECSMember] = []
    members.reserveCapacity(64)
    for mapping in ECSMapping.all {
      guard let element = document.element(mapping.path),
        let value = ECSValue.bytes(of: element, mapping.change)
      else { continue }
      members.append(ECSMember(mapping.parents, mapping.name, value))
    }
    members += made(document, type, record.identifier)
    // ECS's objects one after the other, whatever made their members.
    members.sort { $0.isInFront(of: $1) }
    var writer = JSONObjectWriter(capacity: document.bytes.count + 1024)
    for member in members {
      writer.key(member.parents, member.name)
      writer.bytes.append(contentsOf: member.value)
    }
    let rest = try remainder.applied(to: document)
    writer.key([Array("suricata".utf8)], Array("eve".utf8))
    writer.bytes.append(contentsOf: rest.bytes)
    return try EVEDocument(writer.finish())
  }

  private static let typePath = EVEPath("event_type")
  private static let addresses = [EVEPath("src_ip"), EVEPath("dest_ip")]
  private static let bytes = [EVEPath("flow.bytes_toserver"), EVEPath("flow.bytes_toclient")]
  private static let packets = [EVEPath("flow.pkts_toserver"), EVEPath("flow.pkts_toclient")]
  private static let appProtoPath = EVEPath("app_proto")
  /// What one record is found by from another.
  private static let hosts = [
    "dns.rrname", "http.hostname", "tls.sni", "quic.sni", "dhcp.hostname",
  ].map { EVEPath($0) }
  private static let hashes = [
    "tls.ja3.hash", "tls.ja3s.hash", "tls.ja4", "quic.ja3.hash", "quic.ja4",
    "ssh.client.hassh.hash", "ssh.server.hassh.hash", "fileinfo.sha256",
  ].map { EVEPath($0) }
  private static let ipVersion = EVEPath("ip_v")

  /// All but what ECS has as it is.
  private static let remainder = FieldSelection(
    ECSMapping.all.filter(\.isMoved).map(\.path), keeps: false)

  private static func made(_ document: EVEDocument, _ type: String, _ identifier: String)
    -> [ECSMember]
  {
    var members: [ECSMember] = []
    func add(_ path: String, _ json: [UInt8]) {
      let parts = path.split(separator: ".").map { Array($0.utf8) }
      members.append(ECSMember(Array(parts.dropLast()), parts[parts.count - 1], json))
    }
    func text(_ text: String) -> [UInt8] {
      var json: [UInt8] = []
      json.appendJSONString(text.utf8)
      return json
    }
    func list(_ texts: [String]) -> [UInt8] {
      Array("[".utf8) + texts.map(text).joined(separator: [UInt8(ascii: ",")]) + Array("]".utf8)
    }
    let kind = ECSEventKind(type)
    add("ecs.version", text(version))
    add("event.kind", text(kind.kind))
    if !kind.categories.isEmpty { add("event.category", list(kind.categories)) }
    add("event.type", list(kind.types))
    add("event.module", text("martlet"))
    add("event.dataset", text("martlet.\(type)"))
    add("event.id", text(identifier))
    if let duration = WhereTime.duration(of: document) {
      add("event.duration", Array("\(duration)".utf8))
    }
    for (name, paths) in [("network.bytes", bytes), ("network.packets", packets)] {
      let numbers = paths.compactMap { document.unsigned($0) }
      guard !numbers.isEmpty else { continue }
      // Elasticsearch's `long` ends at 2^63.
      let sum = numbers.reduce(UInt64(0)) { sum, number in
        let (total, overflow) = sum.addingReportingOverflow(number)
        return overflow ? .max : total
      }
      add(name, Array("\(min(sum, UInt64(Int64.max)))".utf8))
    }
    let addresses = Self.addresses.compactMap { document.text($0) }
    if let first = addresses.first {
      let isV6 = document.integer(ipVersion).map { $0 == 6 } ?? first.contains(":")
      add("network.type", text(isV6 ? "ipv6" : "ipv4"))
      add(
        "related.ip",
        list(addresses.count == 2 && addresses[0] == addresses[1] ? [first] : addresses))
    }
    // Records of a protocol name it by their type, in the words of `app_proto`.
    if kind.isProtocol, document.element(appProtoPath) == nil {
      add("network.protocol", text(type.replacing("_", with: "-")))
    }
    for (name, paths) in [("related.hash", hashes), ("related.hosts", hosts)] {
      var found: [String] = []
      for path in paths {
        if let text = document.text(path), !text.isEmpty, !found.contains(text) {
          found.append(text)
        }
      }
      if !found.isEmpty { add(name, list(found)) }
    }
    add("observer.product", text("Martlet"))
    add("observer.type", text("sensor"))
    return members
  }
}

/// A member of an ECS record, its value as JSON.
private struct ECSMember {
  let parents: [[UInt8]]
  let name: [UInt8]
  let value: [UInt8]
  private let order: [UInt8]

  init(_ parents: [[UInt8]], _ name: [UInt8], _ value: [UInt8]) {
    self.parents = parents
    self.name = name
    self.value = value
    // Members of the record itself first, of an object together; a point is in front of letters.
    order = (parents + [name]).reduce(into: []) { $0 += $1 + [UInt8(ascii: ".")] }
  }

  func isInFront(of other: ECSMember) -> Bool {
    parents.isEmpty == other.parents.isEmpty
      ? order.lexicographicallyPrecedes(other.order) : parents.isEmpty
  }
}
