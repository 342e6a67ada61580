internal import Records

/// Writes records of a message as EVE has them.
struct DNSRecordWriter {
  let message: Bytes
  let space: DNSWorkspace
  let isMulticast: Bool
  /// A name or data of a record makes no sense.
  var isMalformed = false
  var isLoop = false

  init(_ message: Bytes, _ space: DNSWorkspace, isMulticast: Bool) {
    self.message = message
    self.space = space
    self.isMulticast = isMulticast
  }

  /// A name, and that it is cut where it is. Returns where the message goes on.
  @discardableResult
  mutating func name(
    _ w: inout EventWriter, _ field: EventField, at offset: Int, truncated: EventField? = nil
  ) -> Int {
    let name = read(at: offset)
    w.string(field, Bytes(space.name, name.count))
    if name.isTruncated, let truncated { w.boolean(truncated, true) }
    return name.next
  }

  private mutating func read(at offset: Int) -> DNSName {
    let name = DNSName.read(message, at: offset, into: space.name)
    isLoop = isLoop || name.isLoop
    isMalformed = isMalformed || name.isMalformed
    return name
  }

  mutating func type(_ w: inout EventWriter, _ field: EventField, _ type: UInt16) {
    if let name = DNSType.name(type) { return w.text(field, name) }
    var text = BoundedText(space)
    text.decimal(type)
    w.string(field, text.bytes)
  }

  /// The class, but the one that nearly all have.
  mutating func recordClass(
    _ w: inout EventWriter, _ value: UInt16, topBit: EventField
  ) {
    var value = value
    if isMulticast {
      if value & 0x8000 != 0 { w.boolean(topBit, true) }
      value &= 0x7fff
    }
    if value == DNSClass.internet { return }
    if let name = DNSClass.name(value) { return w.text(DNSFields.rrclass, name) }
    var text = BoundedText(space)
    text.decimal(value)
    w.string(DNSFields.rrclass, text.bytes)
  }

  // MARK: Records

  /// A record as an element of `answers`; a TXT record is one for each of its strings.
  mutating func element(_ w: inout EventWriter, _ record: DNSRecord) {
    guard record.type == DNSType.txt else {
      open(&w, record)
      data(&w, record)
      return w.end()
    }
    var cursor = ByteCursor(record.bytes(message))
    while let string = cursor.prefixed8(), !w.isTruncated {
      open(&w, record)
      w.string(DNSFields.rdata, string)
      w.end()
    }
    isMalformed = isMalformed || !cursor.isAtEnd
  }

  private mutating func open(_ w: inout EventWriter, _ record: DNSRecord) {
    w.beginObject(DNSFields.answers)
    name(&w, DNSFields.rrname, at: record.name, truncated: DNSFields.rrnameTruncated)
    type(&w, DNSFields.rrtype, record.type)
    recordClass(&w, record.recordClass, topBit: DNSFields.cacheFlush)
    w.integer(DNSFields.ttl, record.ttl)
  }

  private mutating func data(_ w: inout EventWriter, _ record: DNSRecord) {
    switch record.type {
    case DNSType.soa:
      w.beginObject(DNSFields.soa)
      soa(&w, record)
      w.end()
    case DNSType.srv:
      w.beginObject(DNSFields.srv)
      srv(&w, record)
      w.end()
    case DNSType.sshfp:
      w.beginObject(DNSFields.sshfp)
      sshfp(&w, record)
      w.end()
    case DNSType.mx:
      if let preference = message.be16(record.data), record.dataLength >= 2 {
        w.integer(DNSFields.preference, preference)
      }
      plain(&w, DNSFields.rdata, record, truncated: DNSFields.rdataTruncated)
    case DNSType.a, DNSType.aaaa, DNSType.cname, DNSType.ns, DNSType.ptr, DNSType.null:
      plain(&w, DNSFields.rdata, record, truncated: DNSFields.rdataTruncated)
    default:
      // An update's deletions have no data (RFC 2136, 2.5.2).
      guard record.dataLength > 0 else { return }
      var text = BoundedText(space)
      if !DNSDataText.write(record, message, &text) { isMalformed = true }
      w.string(DNSFields.rdata, text.bytes)
      if text.isCut { w.boolean(DNSFields.rdataTruncated, true) }
    }
  }

  /// Data that is one text.
  private mutating func plain(
    _ w: inout EventWriter, _ field: EventField, _ record: DNSRecord, truncated: EventField?
  ) {
    switch record.type {
    case DNSType.a: w.address(field, record.bytes(message))
    case DNSType.aaaa:
      var text = BoundedText(space)
      text.address(record.bytes(message))
      w.string(field, text.bytes)
    case DNSType.null: w.string(field, record.bytes(message))
    default:
      let offset = record.data &+ (record.type == DNSType.mx ? 2 : 0)
      if record.dataLength == 0 { return w.string(field, .empty) }
      let end = name(&w, field, at: offset, truncated: truncated)
      isMalformed = isMalformed || end > record.next
    }
  }

  private mutating func soa(_ w: inout EventWriter, _ record: DNSRecord) {
    let mailbox = name(&w, DNSFields.mname, at: record.data)
    let numbers = name(&w, DNSFields.rname, at: mailbox)
    guard numbers <= record.next, let rest = message.slice(numbers, record.next &- numbers),
      let serial = rest.be32(0), let refresh = rest.be32(4), let retry = rest.be32(8),
      let expire = rest.be32(12), let minimum = rest.be32(16)
    else {
      isMalformed = true
      return
    }
    w.integer(DNSFields.serial, serial)
    w.integer(DNSFields.refresh, refresh)
    w.integer(DNSFields.retry, retry)
    w.integer(DNSFields.expire, expire)
    w.integer(DNSFields.minimum, minimum)
  }

  private mutating func srv(_ w: inout EventWriter, _ record: DNSRecord) {
    let data = record.bytes(message)
    guard let priority = data.be16(0), let weight = data.be16(2), let port = data.be16(4) else {
      isMalformed = true
      return
    }
    w.integer(DNSFields.priority, priority)
    w.integer(DNSFields.weight, weight)
    w.integer(DNSFields.port, port)
    name(&w, DNSFields.name, at: record.data &+ 6)
  }

  private mutating func sshfp(_ w: inout EventWriter, _ record: DNSRecord) {
    let data = record.bytes(message)
    guard let algorithm = data.u8(0), let type = data.u8(1) else {
      isMalformed = true
      return
    }
    w.hexColons(DNSFields.fingerprint, data.dropFirst(2))
    w.integer(DNSFields.algo, algorithm)
    w.integer(DNSFields.fingerprintType, type)
  }

  // MARK: Grouped

  /// A record's data as elements of its type's array in `grouped`.
  mutating func grouped(_ w: inout EventWriter, _ field: EventField, _ record: DNSRecord) {
    switch record.type {
    case DNSType.txt:
      var cursor = ByteCursor(record.bytes(message))
      while let string = cursor.prefixed8(), !w.isTruncated { w.string(field, string) }
    case DNSType.soa:
      w.beginObject(field)
      soa(&w, record)
      w.end()
    case DNSType.srv:
      w.beginObject(field)
      srv(&w, record)
      w.end()
    case DNSType.sshfp:
      w.beginObject(field)
      sshfp(&w, record)
      w.end()
    default: plain(&w, field, record, truncated: nil)
    }
  }
}
