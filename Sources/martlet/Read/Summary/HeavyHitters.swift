import FlowEngine

/// Hosts by traffic, in bounded memory: exact while there are at most `limit`, and beyond that
/// right about those that matter.
///
/// The counters of Misra and Gries with weights, as in Anderson and others, "A High-Performance
/// Algorithm for Identifying Frequent Items in Data Streams" (IMC 2017). Every host has a credit,
/// its bytes to begin with. When a host too many comes, the median credit is taken off all, and
/// those without any left go. A host whose bytes are above twice the total divided by `limit` is
/// never lost. About 40 ns a flow and host.
///
/// A host's counters tell what was seen since it (last) came in, so they are never too high, and
/// ``Host/missedAtMost`` says how many bytes they may be too low: none for a host that was there
/// before anything was taken off.
struct HeavyHitters: Sendable {
  struct Host: Sendable {
    var address: IPAddress
    /// 4 or 6.
    var ipVersion: UInt8
    /// Of frames that the host sent, and that were sent to it.
    var sentBytes: UInt64 = 0
    var receivedBytes: UInt64 = 0
    var packets: UInt64 = 0
    var flows: UInt64 = 0
    /// Bytes that may have been counted for it before it came in.
    var missedAtMost: UInt64 = 0

    var bytes: UInt64 { sentBytes &+ receivedBytes }
    var isExact: Bool { missedAtMost == 0 }
  }

  private struct Counter: Sendable {
    var host: Host
    var credit: UInt64
  }

  let limit: Int
  private var counters: [Counter] = []
  /// Open addressing with linear probing over a power of two of slots, at most half full: index
  /// into `counters`, or -1.
  private var slots: [Int32]
  private let seed = UInt64.random(in: .min ... .max)
  /// What has been taken off every credit so far.
  private var takenOff: UInt64 = 0
  /// Whether no host has ever been left out.
  var isExact: Bool { takenOff == 0 }
  var count: Int { counters.count }

  init(limit: Int = 65_536) {
    precondition(limit >= 2 && limit <= 1 << 24)
    self.limit = limit
    slots = [Int32](repeating: -1, count: 256)
  }

  mutating func add(
    _ address: IPAddress, ipVersion: UInt8, sent: UInt64, received: UInt64, packets: UInt64
  ) {
    var place = home(address)
    while true {
      let index = Int(slots[place])
      if index < 0 { break }
      if counters[index].host.address == address && counters[index].host.ipVersion == ipVersion {
        count(index, sent, received, packets)
        return
      }
      place = (place + 1) & (slots.count - 1)
    }
    if counters.count == limit {
      takeOff()
      return insert(address, ipVersion, sent, received, packets)
    }
    if 2 * (counters.count + 1) > slots.count { index(2 * slots.count) }
    insert(address, ipVersion, sent, received, packets)
  }

  private mutating func insert(
    _ address: IPAddress, _ ipVersion: UInt8, _ sent: UInt64, _ received: UInt64,
    _ packets: UInt64
  ) {
    var host = Host(address: address, ipVersion: ipVersion)
    host.missedAtMost = takenOff
    counters.append(Counter(host: host, credit: 0))
    enter(counters.count - 1)
    count(counters.count - 1, sent, received, packets)
  }

  private mutating func count(
    _ index: Int, _ sent: UInt64, _ received: UInt64, _ packets: UInt64
  ) {
    // Wrapping: 2^64 bytes take 58 years at 80 Gb/s.
    counters[index].credit &+= sent &+ received
    counters[index].host.sentBytes &+= sent
    counters[index].host.receivedBytes &+= received
    counters[index].host.packets &+= packets
    counters[index].host.flows &+= 1
  }

  /// Takes the median credit off all; at least half of the hosts go.
  private mutating func takeOff() {
    let median = counters.map(\.credit).sorted()[(counters.count - 1) / 2]
    takenOff &+= max(median, 1)
    counters.removeAll { $0.credit <= median }
    for index in counters.indices { counters[index].credit &-= median }
    index(slots.count)
  }

  // MARK: - Places

  private mutating func index(_ slotCount: Int) {
    slots = [Int32](repeating: -1, count: slotCount)
    for index in counters.indices { enter(index) }
  }

  private mutating func enter(_ index: Int) {
    var place = home(counters[index].host.address)
    while slots[place] >= 0 { place = (place + 1) & (slots.count - 1) }
    slots[place] = Int32(truncatingIfNeeded: index)
  }

  /// Seeded, so that nobody can send addresses that all meet in one place.
  private func home(_ address: IPAddress) -> Int {
    let product = (address.high ^ seed).multipliedFullWidth(by: address.low ^ seed &* 3 | 1)
    let mixed = (product.high ^ product.low) &* 0x9e37_79b9_7f4a_7c15
    return Int(truncatingIfNeeded: mixed >> 20) & (slots.count - 1)
  }

  // MARK: - Reading

  /// The `count` hosts with the most bytes, the most first; equal ones by address.
  func top(_ count: Int) -> [Host] {
    var best = Best<Host>(capacity: count) { a, b in
      if a.bytes != b.bytes { return a.bytes > b.bytes }
      if a.address != b.address { return a.address < b.address }
      return a.ipVersion < b.ipVersion
    }
    for counter in counters { best.add(counter.host) }
    return best.elements
  }
}

/// The first few of many in some order, whichever way they come.
struct Best<Element: Sendable>: Sendable {
  private(set) var elements: [Element] = []
  private let capacity: Int
  private let isBefore: @Sendable (Element, Element) -> Bool

  /// `isBefore` is a total order, else which of two equals stays depends on which came first.
  init(capacity: Int, isBefore: @escaping @Sendable (Element, Element) -> Bool) {
    self.capacity = capacity
    self.isBefore = isBefore
  }

  mutating func add(_ element: Element) {
    if elements.count == capacity {
      guard let last = elements.last, isBefore(element, last) else { return }
      elements.removeLast()
    }
    let place = elements.firstIndex { isBefore(element, $0) } ?? elements.endIndex
    elements.insert(element, at: place)
  }
}
