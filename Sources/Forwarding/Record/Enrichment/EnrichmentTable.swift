internal import FlowEngine
internal import Records

/// Names of networks, by longest prefix (`--enrich`).
///
/// Prefixes of one version become ranges that are in order and apart, each with the entry of the
/// longest prefix that holds it:
///
///     10.0.0.0/8 a, 10.1.0.0/16 b   →   10.0.0.0 a · 10.1.0.0 b · 10.2.0.0 a · 11.0.0.0 none
///
/// so a look-up is one binary search: about 20 steps for a million prefixes, which take some 20
/// bytes each (IPv6: 40) beside their texts.
package struct EnrichmentTable: Sendable {
  /// Beginnings of ranges, and the entry of each; -1 where there is none.
  private let starts4: [UInt32]
  private let entries4: [Int32]
  private let starts6: [IPAddress]
  private let entries6: [Int32]
  /// The entries' JSON objects one behind the other, and where each begins.
  private let texts: [UInt8]
  private let offsets: [Int]

  /// How many networks it has.
  package var count: Int { offsets.count - 1 }

  /// A network and the place of its entry.
  struct Prefix {
    var version: UInt8
    var first: IPAddress
    var last: IPAddress
    var entry: Int32
  }

  /// - Parameters:
  ///   - prefixes: no two alike.
  ///   - texts: of the entries, a JSON object each; entry `n` is at `offsets[n]..<offsets[n + 1]`.
  init(_ prefixes: [Prefix], texts: [UInt8], offsets: [Int]) {
    // Behind the last IPv4 address there is none.
    let ranges4 = Self.ranges(prefixes.filter { $0.version == 4 })
      .filter { $0.start.low >> 32 == IPAddress(v4: 0).low >> 32 }
    let ranges6 = Self.ranges(prefixes.filter { $0.version == 6 })
    // An IPv4 address stands in the last 32 bits.
    starts4 = ranges4.map { UInt32(truncatingIfNeeded: $0.start.low) }
    entries4 = ranges4.map(\.entry)
    starts6 = ranges6.map(\.start)
    entries6 = ranges6.map(\.entry)
    self.texts = texts
    self.offsets = offsets
  }

  private static func ranges(_ prefixes: [Prefix]) -> [(start: IPAddress, entry: Int32)] {
    // Of prefixes that begin alike the wider one first.
    let sorted = prefixes.sorted { $0.first == $1.first ? $1.last < $0.last : $0.first < $1.first }
    var ranges: [(start: IPAddress, entry: Int32)] = []
    // Those that are open, the narrowest last; prefixes nest or are apart.
    var open: [Prefix] = []
    func begin(_ start: IPAddress, _ entry: Int32) {
      if ranges.last?.start == start { ranges.removeLast() }
      ranges.append((start, entry))
    }
    func close(before address: IPAddress?) {
      while let last = open.last, address.map({ last.last < $0 }) ?? true {
        open.removeLast()
        if let behind = last.last.successor { begin(behind, open.last?.entry ?? -1) }
      }
    }
    for prefix in sorted {
      close(before: prefix.first)
      begin(prefix.first, prefix.entry)
      open.append(prefix)
    }
    close(before: nil)
    return ranges
  }

  // MARK: Look-up

  /// The JSON object of the longest prefix that holds an address; nil where none does.
  package func entry(_ address: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard let (version, address) = AddressLiteral.address(String(decoding: address, as: UTF8.self))
    else { return nil }
    let entry =
      version == 4
      ? Self.search(starts4, UInt32(truncatingIfNeeded: address.low), <).map { entries4[$0] }
      : Self.search(starts6, address, <).map { entries6[$0] }
    guard let entry, entry >= 0 else { return nil }
    return texts[offsets[Int(entry)]..<offsets[Int(entry) + 1]]
  }

  /// The last range that does not begin behind a value.
  @inline(__always)
  private static func search<Value>(
    _ starts: [Value], _ value: Value, _ isLess: (Value, Value) -> Bool
  ) -> Int? {
    var low = 0
    var high = starts.count
    while low < high {
      let middle = (low + high) / 2
      if isLess(value, starts[middle]) { high = middle } else { low = middle + 1 }
    }
    return low > 0 ? low - 1 : nil
  }

  // MARK: Records

  private static let sides = [
    (address: EVEPath("src_ip"), name: "src_net", key: JSONKey("src_net")),
    (address: EVEPath("dest_ip"), name: "dest_net", key: JSONKey("dest_net")),
  ]

  /// The record with `src_net` and `dest_net` at its end, where the table knows the addresses; what
  /// it has of these names already stays.
  func applied(to document: EVEDocument) throws(EVEDocumentError) -> EVEDocument {
    var added: [UInt8] = []
    for side in Self.sides {
      guard let address = document.element(side.address)?.stringBytes,
        let entry = entry(address), document.member(side.key, of: 0) == nil
      else { continue }
      added.append(contentsOf: ",\"\(side.name)\":".utf8)
      added.append(contentsOf: entry)
    }
    guard !added.isEmpty else { return document }
    // The record's own bytes up to its last bracket; there is an address before it.
    let root = JSONElement(document, 0).bytes
    var bytes: [UInt8] = []
    bytes.reserveCapacity(root.count + added.count)
    bytes.append(contentsOf: root.dropLast())
    bytes.append(contentsOf: added)
    bytes.append(UInt8(ascii: "}"))
    return try EVEDocument(bytes)
  }
}

extension IPAddress {
  /// The address behind this one; nil behind the last.
  fileprivate var successor: IPAddress? {
    let (sum, overflow) = low.addingReportingOverflow(1)
    if !overflow { return IPAddress(high: high, low: sum) }
    return high == .max ? nil : IPAddress(high: high + 1, low: 0)
  }
}
