internal import FlowEngine
internal import Records

/// Reads a table of networks: CSV (RFC 4180) whose first line names the columns, `cidr,name` and any
/// others. Empty lines and those that begin with `#` are passed over.
///
///     cidr,name,owner
///     10.0.0.0/8,campus,it
///     10.1.0.0/16,"lab, second floor",physics
///     2001:db8::/32,campus,
struct EnrichmentReader {
  private let bytes: [UInt8]
  private let path: String
  private var position = 0
  private var line = 1

  private var prefixes: [EnrichmentTable.Prefix] = []
  private var texts: [UInt8] = []
  private var offsets = [0]
  /// On which line each network stands.
  private var lines: [Network: Int] = [:]

  private struct Network: Hashable {
    var version: UInt8
    var high: UInt64
    var low: UInt64
    var length: Int
  }

  static func table(_ bytes: [UInt8], path: String) throws(RecordTransformError) -> EnrichmentTable
  {
    var reader = EnrichmentReader(bytes, path)
    return try reader.read()
  }

  private init(_ bytes: [UInt8], _ path: String) {
    self.bytes = bytes
    self.path = path
    // A mark of byte order, as some spreadsheets write.
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
  }

  private mutating func read() throws(RecordTransformError) -> EnrichmentTable {
    guard let columns = try row() else { throw error("there is no line `cidr,name`") }
    try check(columns)
    while let row = try row() { try take(row, columns) }
    return EnrichmentTable(prefixes, texts: texts, offsets: offsets)
  }

  private func check(_ columns: Row) throws(RecordTransformError) {
    guard columns.values.count >= 2, columns.values[0] == Array("cidr".utf8),
      columns.values[1] == Array("name".utf8)
    else {
      throw error("the first line names the columns, and begins with `cidr,name`", columns.line)
    }
    guard !columns.values.contains([]) else { throw error("a column has no name", columns.line) }
    guard Set(columns.values).count == columns.values.count else {
      throw error("two columns have one name", columns.line)
    }
  }

  private mutating func take(_ row: Row, _ columns: Row) throws(RecordTransformError) {
    guard row.values.count == columns.values.count else {
      throw error(
        "\(row.values.count) values, where there are \(columns.values.count) columns", row.line)
    }
    guard prefixes.count < Int(Int32.max) else { throw error("too many networks", row.line) }
    let cidr = String(decoding: row.values[0], as: UTF8.self)
    try add(cidr, row.line)
    texts.append(UInt8(ascii: "{"))
    // What is empty is left out.
    for (name, value) in zip(columns.values, row.values) where !value.isEmpty {
      texts.appendJSONKey(name)
      texts.appendJSONString(value)
    }
    texts.append(UInt8(ascii: "}"))
    offsets.append(texts.count)
  }

  private mutating func add(_ cidr: String, _ line: Int) throws(RecordTransformError) {
    let shown = EVEDocument.quoted(Array(cidr.utf8)[...])
    let parts = cidr.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let (version, address) = AddressLiteral.address(String(parts[0])) else {
      throw error("\(shown) is no network such as 10.0.0.0/8 or 2001:db8::/32", line)
    }
    let width = version == 4 ? 32 : 128
    var length = width
    if parts.count == 2 {
      guard let given = Int(parts[1]), 0...width ~= given, String(given) == parts[1] else {
        throw error("\(shown): a prefix of IPv\(version) has 0 to \(width) bits", line)
      }
      length = given
    }
    let mask = Self.hostMask(width - length)
    guard address.high & mask.high == 0, address.low & mask.low == 0 else {
      let network = IPAddress(high: address.high & ~mask.high, low: address.low & ~mask.low)
      let text = RecordText.address(network, version: version)
      throw error("\(shown) has bits behind its prefix; the network is \(text)/\(length)", line)
    }
    let network = Network(version: version, high: address.high, low: address.low, length: length)
    if let other = lines.updateValue(line, forKey: network) {
      throw error("\(shown) stands on line \(other), too", line)
    }
    prefixes.append(
      EnrichmentTable.Prefix(
        version: version, first: address,
        last: IPAddress(high: address.high | mask.high, low: address.low | mask.low),
        entry: Int32(truncatingIfNeeded: prefixes.count)))
  }

  /// The last `bits` of 128.
  private static func hostMask(_ bits: Int) -> IPAddress {
    // Swift's shifts give 0 beyond the width.
    IPAddress(
      high: bits > 64 ? UInt64.max >> UInt64(128 - bits) : 0,
      low: bits > 0 ? UInt64.max >> UInt64(max(64 - bits, 0)) : 0)
  }

  // MARK: CSV

  private struct Row {
    var line: Int
    var values: [[UInt8]]
  }

  /// The next line with something on it; nil at the end.
  private mutating func row() throws(RecordTransformError) -> Row? {
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\n"):
        position += 1
        line += 1
      case UInt8(ascii: "\r"): position += 1
      case UInt8(ascii: "#"):
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
      default: return try values()
      }
    }
    return nil
  }

  private mutating func values() throws(RecordTransformError) -> Row {
    var row = Row(line: line, values: [])
    while true {
      row.values.append(try value(of: row.line))
      guard position < bytes.count else { return row }
      let byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\n") {
        line += 1
        return row
      }
      // Else it is a comma.
    }
  }

  private mutating func value(of row: Int) throws(RecordTransformError) -> [UInt8] {
    var value: [UInt8] = []
    if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
      position += 1
      while true {
        guard position < bytes.count else { throw error("a quotation has no end", row) }
        let byte = bytes[position]
        position += 1
        if byte == UInt8(ascii: "\"") {
          guard position < bytes.count, bytes[position] == byte else { break }
          position += 1
        }
        if byte == UInt8(ascii: "\n") { line += 1 }
        value.append(byte)
      }
      skipReturn()
      guard position == bytes.count || Self.isEnd(bytes[position]) else {
        throw error("text behind a quotation's end", row)
      }
    } else {
      while position < bytes.count, !Self.isEnd(bytes[position]) {
        value.append(bytes[position])
        position += 1
      }
      if value.last == UInt8(ascii: "\r") { value.removeLast() }
      while value.last == 0x20 { value.removeLast() }
      value.removeFirst(value.prefix { $0 == 0x20 }.count)
    }
    guard value.allSatisfy({ $0 < 0x80 }) || String(validating: value, as: UTF8.self) != nil else {
      throw error("a value is not UTF-8", row)
    }
    return value
  }

  private mutating func skipReturn() {
    if position < bytes.count, bytes[position] == UInt8(ascii: "\r") { position += 1 }
  }

  private static func isEnd(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\n")
  }

  private func error(_ what: String, _ line: Int? = nil) -> RecordTransformError {
    RecordTransformError("\(path):\(line ?? self.line): \(what)")
  }
}
