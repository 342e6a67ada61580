import Dissection
import FlowEngine
import Records

/// Protocol records as workers hand them over: DNS answers and HTTP transactions.
struct EventMix {
  private(set) var messages: [[UInt8]] = []

  init() {
    for number in 0..<64 {
      messages.append(Self.dns(number))
      messages.append(Self.http(number))
    }
  }

  private static func dns(_ number: Int) -> [UInt8] {
    var tokens = Tokens(.dns)
    tokens.integer("version", 2)
    tokens.string("type", "answer")
    tokens.integer("id", 1000 + number)
    tokens.string("flags", "8180")
    for flag in ["qr", "rd", "ra"] { tokens.boolean(flag, true) }
    tokens.integer("opcode", 0)
    tokens.string("rrname", "host\(number).example.com")
    tokens.string("rrtype", "A")
    tokens.string("rcode", "NOERROR")
    tokens.open("answers", .array)
    for place in 0..<3 {
      tokens.open("answers", .object)
      tokens.string("rrname", "host\(number).example.com")
      tokens.string("rrtype", "A")
      tokens.integer("ttl", 300 + place)
      tokens.string("rdata", "192.0.2.\(place)")
      tokens.end()
    }
    tokens.end()
    return tokens.message(EventType.dns, number)
  }

  private static func http(_ number: Int) -> [UInt8] {
    var tokens = Tokens(.http)
    tokens.string("hostname", "www.example.com")
    tokens.string("url", "/assets/\(number)/style.css?v=20260101")
    tokens.string(
      "http_user_agent",
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari")
    tokens.string("http_method", "GET")
    tokens.string("protocol", "HTTP/1.1")
    tokens.integer("request_header_count", 9)
    tokens.string("http_content_type", "text/css")
    tokens.integer("status", 200)
    tokens.integer("response_header_count", 7)
    tokens.integer("length", 20_000 + number)
    return tokens.message(EventType.http, number)
  }

  /// ``EventToken``s of one record.
  private struct Tokens {
    private let type: EventType
    private var bytes: [UInt8] = []

    init(_ type: EventType) { self.type = type }

    private mutating func head(_ name: String, _ kind: EventToken.Kind) {
      guard let field = Dissection.schema.field(type, name) else { fatalError("no field \(name)") }
      number(field.rawValue)
      bytes.append(kind.rawValue)
    }

    private mutating func number(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    mutating func string(_ name: String, _ text: String) {
      head(name, .string)
      number(UInt16(text.utf8.count))
      bytes += text.utf8
    }

    mutating func integer(_ name: String, _ value: Int) {
      head(name, .unsigned)
      number(UInt64(value))
    }

    mutating func boolean(_ name: String, _ value: Bool) {
      head(name, .boolean)
      number(UInt64(value ? 1 : 0))
    }

    mutating func open(_ name: String, _ kind: EventToken.Kind) { head(name, kind) }

    mutating func end() { bytes += [0, 0, EventToken.Kind.end.rawValue] }

    func message(_ type: EventType, _ number: Int) -> [UInt8] {
      let key = FlowKey(
        addressA: IPAddress(v4: 0xc000_0201), addressB: IPAddress(v4: 0xc000_0202),
        portA: UInt16(40_000 + number), portB: 53, proto: IPProtocol.udp, flags: 0)
      var head = EventHead(key: key)
      head.type = type.place
      head.time = BenchSettings.begin
      head.firstSeen = BenchSettings.begin
      head.transaction = 0
      return withUnsafeBytes(of: head) { Array($0) } + bytes
    }
  }
}
