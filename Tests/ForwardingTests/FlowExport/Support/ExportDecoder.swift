import Testing

@testable import Forwarding

/// Decodes messages of both protocols by the letter of their RFCs, and complains of everything else.
/// It shares no code with the encoder.
struct ExportDecoder {
  struct Field: Hashable {
    var id: UInt16
    /// 0: IANA's.
    var enterprise: UInt32 = 0
  }

  struct Record {
    var domain: UInt32
    var template: UInt16
    var isOptions: Bool
    var fields: [Field: [UInt8]]
    /// Of the message: seconds since 1970, and NetFlow v9's uptime.
    var exportSeconds: UInt32
    var uptime: UInt32

    func bytes(_ id: UInt16, _ enterprise: UInt32 = 0) -> [UInt8]? {
      fields[Field(id: id, enterprise: enterprise)]
    }

    func number(_ id: UInt16, _ enterprise: UInt32 = 0) -> UInt64? {
      bytes(id, enterprise)?.reduce(0) { $0 << 8 | UInt64($1) }
    }

    func text(_ id: UInt16, _ enterprise: UInt32 = 0) -> String? {
      bytes(id, enterprise).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  struct Malformed: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
  }

  private struct Template {
    var isOptions: Bool
    var fields: [(field: Field, bytes: UInt16)]
  }

  private struct Key: Hashable {
    var domain: UInt32
    var id: UInt16
  }

  let isIPFIX: Bool
  private var templates: [Key: Template] = [:]
  private var sequences: [UInt32: UInt32] = [:]
  private(set) var records: [Record] = []
  /// How many template records each message had.
  private(set) var templateCounts: [Int] = []
  /// Templates that were there already.
  private(set) var templatesAgain = 0
  private(set) var longestMessage = 0

  init(isIPFIX: Bool) { self.isIPFIX = isIPFIX }

  var flows: [Record] { records.filter { !$0.isOptions } }

  mutating func decode(_ message: [UInt8]) throws {
    longestMessage = max(longestMessage, message.count)
    let header = isIPFIX ? 16 : 20
    guard message.count >= header, Self.number(message[0..<2]) == (isIPFIX ? 10 : 9) else {
      throw Malformed("no header")
    }
    let size = Int(Self.number(message[2..<4]))
    let sequence = UInt32(Self.number(message[header - 8..<header - 4]))
    let domain = UInt32(Self.number(message[header - 4..<header]))
    let time = UInt32(Self.number(message[header - 12..<header - 8]))
    let uptime = isIPFIX ? 0 : UInt32(Self.number(message[4..<8]))
    if isIPFIX && size != message.count { throw Malformed("length \(size) of \(message.count)") }
    if let due = sequences[domain], due != sequence {
      throw Malformed("sequence \(sequence), due \(due)")
    }
    var dataRecords = 0
    var templateRecords = 0
    var at = header
    while at < message.count {
      guard at + 4 <= message.count else { throw Malformed("half a set's header") }
      let id = UInt16(Self.number(message[at..<at + 2]))
      let bytes = Int(Self.number(message[at + 2..<at + 4]))
      guard bytes > 4, at + bytes <= message.count else { throw Malformed("set of \(bytes)") }
      if bytes % 4 != 0 { throw Malformed("set that is not padded") }
      let body = message[at + 4..<at + bytes]
      switch id {
      case isIPFIX ? 2 : 0: templateRecords += try readTemplates(body, domain)
      case isIPFIX ? 3 : 1: templateRecords += try readOptionsTemplates(body, domain)
      case 256...: dataRecords += try readData(body, domain, id, time, uptime)
      default: throw Malformed("set \(id)")
      }
      at += bytes
    }
    if !isIPFIX && size != dataRecords + templateRecords {
      throw Malformed("\(size) records said, \(dataRecords + templateRecords) there")
    }
    templateCounts.append(templateRecords)
    sequences[domain] = sequence &+ (isIPFIX ? UInt32(dataRecords) : 1)
  }

  private mutating func readTemplates(_ body: ArraySlice<UInt8>, _ domain: UInt32) throws -> Int {
    var rest = body
    var count = 0
    while rest.count > 3 {
      let id = UInt16(try Self.take(&rest, 2))
      let fields = try (0..<Int(Self.take(&rest, 2))).map { _ in try readField(&rest) }
      try keep(Template(isOptions: false, fields: fields), domain, id)
      count += 1
    }
    try Self.padding(rest)
    return count
  }

  private mutating func readOptionsTemplates(_ body: ArraySlice<UInt8>, _ domain: UInt32) throws
    -> Int
  {
    var rest = body
    var count = 0
    while rest.count > 3 {
      let id = UInt16(try Self.take(&rest, 2))
      let first = Int(try Self.take(&rest, 2))
      let second = Int(try Self.take(&rest, 2))
      if !isIPFIX && (first % 4 != 0 || second % 4 != 0) { throw Malformed("option lengths") }
      if isIPFIX && (second == 0 || second > first) { throw Malformed("scope of \(second)") }
      let all = isIPFIX ? first : (first + second) / 4
      try keep(
        Template(isOptions: true, fields: try (0..<all).map { _ in try readField(&rest) }), domain,
        id)
      count += 1
    }
    try Self.padding(rest)
    return count
  }

  private func readField(_ rest: inout ArraySlice<UInt8>) throws -> (field: Field, bytes: UInt16) {
    let id = UInt16(try Self.take(&rest, 2))
    let bytes = UInt16(try Self.take(&rest, 2))
    guard isIPFIX, id & 0x8000 != 0 else { return (Field(id: id), bytes) }
    return (Field(id: id & 0x7fff, enterprise: UInt32(try Self.take(&rest, 4))), bytes)
  }

  private mutating func keep(_ template: Template, _ domain: UInt32, _ id: UInt16) throws {
    if id < 256 { throw Malformed("template \(id)") }
    let key = Key(domain: domain, id: id)
    if let known = templates[key],
      known.fields.map(\.field) != template.fields.map(\.field)
        || known.fields.map(\.bytes) != template.fields.map(\.bytes)
    {
      throw Malformed("template \(id) has changed")
    }
    if templates.updateValue(template, forKey: key) != nil { templatesAgain += 1 }
  }

  private mutating func readData(
    _ body: ArraySlice<UInt8>, _ domain: UInt32, _ id: UInt16, _ time: UInt32, _ uptime: UInt32
  ) throws -> Int {
    guard let template = templates[Key(domain: domain, id: id)] else {
      throw Malformed("data before template \(id)")
    }
    var rest = body
    var count = 0
    while rest.count > 3 {
      var fields: [Field: [UInt8]] = [:]
      for (field, bytes) in template.fields {
        var length = Int(bytes)
        if isIPFIX && bytes == .max {
          length = Int(try Self.take(&rest, 1))
          if length == 255 { length = Int(try Self.take(&rest, 2)) }
        }
        guard rest.count >= length else { throw Malformed("half a record") }
        if fields.updateValue(Array(rest.prefix(length)), forKey: field) != nil {
          throw Malformed("field \(field) twice")
        }
        rest = rest.dropFirst(length)
      }
      records.append(
        Record(
          domain: domain, template: id, isOptions: template.isOptions, fields: fields,
          exportSeconds: time, uptime: uptime))
      count += 1
    }
    try Self.padding(rest)
    if count == 0 { throw Malformed("a set without records") }
    return count
  }

  private static func padding(_ rest: ArraySlice<UInt8>) throws {
    if rest.contains(where: { $0 != 0 }) { throw Malformed("padding that is not 0") }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func take(_ rest: inout ArraySlice<UInt8>, _ count: Int) throws -> UInt64 {
    guard rest.count >= count else { throw Malformed("a field is cut") }
    defer { rest = rest.dropFirst(count) }
    return number(rest.prefix(count))
  }
}
