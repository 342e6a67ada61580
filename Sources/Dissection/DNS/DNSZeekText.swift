internal import Records

/// Answers as Zeek's dns.log writes them (its base/protocols/dns/main.zeek).
enum DNSZeekText {
  /// Zeek says something of records of this type: of HINFO, WKS, SVCB, HTTPS, TKEY, TSIG and CAA it
  /// has
  /// events, but nothing that logs them.
  static func isTold(_ type: UInt16) -> Bool {
    switch type {
    case 11, 13, 41, 64, 65, 249, 250, 257: false
    default: true
    }
  }

  static func answer(_ w: inout EventWriter, _ record: DNSRecord, _ m: DNSMessage) {
    let field = DNSFields.zeekAnswers
    let data = record.bytes(m.message)
    var text = BoundedText(m.space)
    switch record.type {
    case DNSType.a where data.count == 4, DNSType.aaaa where data.count == 16:
      return w.address(field, data)
    default: write(&text, record, m, data)
    }
    w.string(field, text.bytes)
  }

  private static func write(
    _ text: inout BoundedText, _ record: DNSRecord, _ m: DNSMessage, _ data: Bytes
  ) {
    switch record.type {
    case DNSType.ns, DNSType.cname, DNSType.ptr, DNSType.soa:
      _ = DNSPair.lowercaseName(&text, m, at: record.data)
    case DNSType.mx: _ = DNSPair.lowercaseName(&text, m, at: record.data &+ 2)
    case DNSType.srv: _ = DNSPair.lowercaseName(&text, m, at: record.data &+ 6)
    case DNSType.txt: strings(&text, "TXT ", data)
    case DNSType.spf: strings(&text, "SPF ", data)
    case 35: naptr(&text, record, m, data)
    case 46:
      text.text("RRSIG ")
      text.number(data.be16(0) ?? 0)
      nameOrRoot(&text, m, at: record.data &+ 18)
    case 48:
      text.text("DNSKEY ")
      text.decimal(data.u8(3) ?? 0)
    case 47:
      text.text("NSEC ")
      _ = DNSPair.lowercaseName(&text, m, at: record.name)
      text.space()
      _ = DNSPair.lowercaseName(&text, m, at: record.data)
    case 50: text.text("NSEC3")
    case 51: text.text("NSEC3PARAM")
    case 43:
      text.text("DS ")
      text.number(data.u8(2) ?? 0)
      text.decimal(data.u8(3) ?? 0)
    case DNSType.sshfp:
      text.text("SSHFP: ")
      text.hex(data.dropFirst(2))
    case 29:
      text.text("LOC:  ")
      text.number(data.u8(1) ?? 0)
      text.number(data.u8(2) ?? 0)
      text.decimal(data.u8(3) ?? 0)
    case 65534: text.text("BIND9 signing signal")
    default:
      text.text("<unknown type=")
      text.decimal(record.type)
      text.text(">")
    }
  }

  private static func strings(_ text: inout BoundedText, _ label: StaticString, _ data: Bytes) {
    var cursor = ByteCursor(data)
    while let string = cursor.prefixed8() {
      if text.count > 0 { text.space() }
      text.text(label)
      text.number(UInt8(truncatingIfNeeded: string.count))
      text.bytes(string)
    }
  }

  private static func nameOrRoot(_ text: inout BoundedText, _ m: DNSMessage, at offset: Int) {
    let before = text.count
    _ = DNSPair.lowercaseName(&text, m, at: offset)
    if text.count == before { text.text("<Root>") }
  }

  private static func naptr(
    _ text: inout BoundedText, _ record: DNSRecord, _ m: DNSMessage, _ data: Bytes
  ) {
    var cursor = ByteCursor(data)
    guard let order = cursor.be16(), let preference = cursor.be16(),
      let flags = cursor.prefixed8(), let services = cursor.prefixed8(),
      let expression = cursor.prefixed8()
    else { return }
    text.text("NAPTR ")
    text.number(order)
    text.number(preference)
    text.bytes(flags)
    text.space()
    text.bytes(services)
    text.space()
    text.bytes(expression)
    if !expression.isEmpty { text.space() }
    _ = DNSPair.lowercaseName(&text, m, at: record.data &+ cursor.position)
  }

  // MARK: Updates

  /// What an update asks for, by RFC 2136, 2.4 and 2.5.
  static func update(
    _ w: inout EventWriter, _ record: DNSRecord, _ m: DNSMessage, isPrerequisite: Bool
  ) {
    let (none, any): (UInt16, UInt16) = (254, 255)
    let isAny = record.type == DNSType.any
    var text = BoundedText(m.space)
    if isPrerequisite {
      text.text("pre: ")
      switch record.recordClass {
      case none where isAny: text.text("NameNotInUse ")
      case any where isAny: text.text("NameInUse ")
      case none:
        text.text("NoRRSet ")
        type(&text, record)
      default:
        text.text("RRSetExists ")
        type(&text, record)
      }
      _ = DNSPair.lowercaseName(&text, m, at: record.name)
    } else if record.recordClass == any || record.recordClass == none {
      text.text("del: ")
      if record.recordClass == any && isAny {
        text.text("RRSet * ")
        _ = DNSPair.lowercaseName(&text, m, at: record.name)
      } else if record.recordClass == none {
        text.text("RR ")
        type(&text, record)
        _ = DNSPair.lowercaseName(&text, m, at: record.name)
      } else {
        text.text("RRSet ")
        DNSDataText.type(record.type, &text)
      }
    } else {
      text.text("add: ")
      let data = record.bytes(m.message)
      if record.type == DNSType.a || record.type == DNSType.aaaa {
        type(&text, record)
        _ = DNSPair.lowercaseName(&text, m, at: record.name)
        text.space()
        text.address(data)
      } else {
        write(&text, record, m, data)
      }
    }
    w.string(DNSFields.zeekAnswers, text.bytes)
  }

  private static func type(_ text: inout BoundedText, _ record: DNSRecord) {
    DNSDataText.type(record.type, &text)
    text.space()
  }
}
