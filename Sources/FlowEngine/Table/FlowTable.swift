import CBurst

/// All flows of one worker, in fixed memory.
///
/// Four arrays, none of which ever grows:
///
///     buckets   64 bytes each: | 8 tags, 16 bits | 8 entry numbers, 32 bits | strays | reach |
///     hot      128 bytes a flow, cold 128 bytes a flow, app 16 bytes a flow, by entry number
///
/// A key's hash names its home bucket by its low half and its tag by its highest bits. A look-up compares
/// eight tags at once and then the full key of each match; in nearly every case that is one bucket
/// line and the flow's own two lines. Where a home bucket is full the flow goes to the next one that
/// has room; the home bucket counts its strays and how far the farthest went, so that a look-up knows
/// how far to go on: not at all where there are none. There are at least eight slots to five
/// flows, so strays are few (bench: `table`).
package struct FlowTable: ~Copyable {
  package static let none = UInt32.max

  struct Bucket {
    static let slots = 8
    static let byteCount = 64
    static let numbersOffset = 16
    static let straysOffset = 48
  }

  let buckets: UnsafeMutableRawPointer
  let bucketCount: UInt64
  package let hot: UnsafeMutablePointer<FlowHot>
  package let cold: UnsafeMutablePointer<FlowCold>
  package let app: UnsafeMutablePointer<FlowApp>
  /// Numbers of free entries, used as a stack.
  let free: UnsafeMutablePointer<UInt32>
  var freeCount: Int
  /// The fewest free entries that there ever were.
  private var fewestFree: Int
  package let capacity: Int

  /// Home buckets for `capacity` flows: five flows for eight slots when the table is full. One bucket in
  /// fifteen then has more than it has room for, and one flow in forty is a stray.
  package static func bucketCount(capacity: Int) -> Int { max(8, (capacity + 4) / 5) }

  /// Adds the table's arrays to a plan over real memory, or only adds them up.
  package init(capacity: Int, plan: inout MemoryPlan, touch: Bool) {
    precondition(capacity > 0 && capacity < Int(UInt32.max >> 1), "31 bits number the flows")
    let bucketCount = Self.bucketCount(capacity: capacity)
    self.capacity = capacity
    buckets = plan.take("flow index", bytes: bucketCount * Bucket.byteCount)
    self.bucketCount = UInt64(bucketCount)
    hot = plan.take("flow entries, hot", bytes: capacity * MemoryLayout<FlowHot>.stride)
      .assumingMemoryBound(to: FlowHot.self)
    cold = plan.take("flow entries, cold", bytes: capacity * MemoryLayout<FlowCold>.stride)
      .assumingMemoryBound(to: FlowCold.self)
    app = plan.take("flow entries, protocols", bytes: capacity * MemoryLayout<FlowApp>.stride)
      .assumingMemoryBound(to: FlowApp.self)
    free = plan.take("free list", bytes: capacity * 4).assumingMemoryBound(to: UInt32.self)
    freeCount = 0
    fewestFree = capacity
    guard touch else { return }
    // Low numbers are handed out first, so a table that is never full stays in few pages.
    for i in 0..<capacity { free[i] = UInt32(capacity - 1 - i) }
    freeCount = capacity
  }

  package var count: Int { capacity - freeCount }
  /// Entries from this number on have never been used.
  var used: Int { capacity - fewestFree }
  package var isFull: Bool { freeCount == 0 }

  // MARK: Buckets

  /// 16 bits of the hash, never 0: a tag of 0 marks a free slot.
  @inline(__always)
  static func tag(_ hash: UInt64) -> UInt16 {
    let tag = UInt16(truncatingIfNeeded: hash >> 48)
    return tag == 0 ? 1 : tag
  }

  /// Number of a hash's home bucket: its low half as a fraction of 2^32, scaled to the count of buckets,
  /// which need be no power of two. Neither factor has more than 32 bits, so their product fits.
  @inline(__always)
  func home(_ hash: UInt64) -> UInt64 { ((hash & 0xffff_ffff) &* bucketCount) >> 32 }

  /// The bucket `distance` behind a home, in a circle; `distance` is at most the count of buckets.
  @inline(__always)
  func bucket(_ home: UInt64, _ distance: UInt64 = 0) -> UnsafeMutableRawPointer {
    var number = home &+ distance
    if number >= bucketCount { number &-= bucketCount }
    return buckets + Int(truncatingIfNeeded: number &* UInt64(Bucket.byteCount))
  }

  /// The home bucket of a hash.
  @inline(__always)
  func homeBucket(_ hash: UInt64) -> UnsafeMutableRawPointer {
    buckets + Int(truncatingIfNeeded: home(hash) &* UInt64(Bucket.byteCount))
  }

  @inline(__always)
  static func tags(_ bucket: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt16> {
    bucket.assumingMemoryBound(to: UInt16.self)
  }

  @inline(__always)
  static func numbers(_ bucket: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt32> {
    (bucket + Bucket.numbersOffset).assumingMemoryBound(to: UInt32.self)
  }

  @inline(__always)
  static func strays(_ bucket: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt32> {
    (bucket + Bucket.straysOffset).assumingMemoryBound(to: UInt32.self)
  }

  /// Slot 0 … 7 of the first tag that matches, or 8.
  @inline(__always)
  static func firstMatch(_ bucket: UnsafeMutableRawPointer, _ tag: UInt16) -> Int {
    // A bit behind the last slot's, found where no other is.
    (martlet_match8(bucket, tag) | 1 << 16).trailingZeroBitCount >> 1
  }

  // MARK: Stages of a burst

  /// Stage one: the bucket's line on its way.
  @inline(__always)
  package func prefetchBucket(_ hash: UInt64) { martlet_prefetch(homeBucket(hash)) }

  /// Stage two: the entry that the first matching tag names, its lines on their way; or `none`.
  @inline(__always)
  package func prefetchCandidate(_ hash: UInt64) -> UInt32 {
    let home = homeBucket(hash)
    let slot = Self.firstMatch(home, Self.tag(hash))
    guard slot < 8 else { return Self.none }
    let number = Self.numbers(home)[slot]
    let entry = UnsafeRawPointer(hot + Int(number))
    martlet_prefetch_write(entry)
    martlet_prefetch_write(entry + 64)
    return number
  }

  /// Stage three: whether what stage two found is the packet's flow.
  @inline(__always)
  func isCandidate(_ packet: UnsafePointer<ParsedPacket>) -> Bool {
    let candidate = packet.pointee.candidate
    return candidate != Self.none && isLive(candidate)
      && FlowKey.areEqual(Self.key(packet), key(candidate))
  }

  /// The entry with the packet's key, or `none`.
  @inline(__always)
  package mutating func find(_ packet: UnsafePointer<ParsedPacket>) -> UInt32 {
    isCandidate(packet)
      ? packet.pointee.candidate : search(Self.key(packet), packet.pointee.hash)
  }

  /// A packet begins with its key, which a test asserts.
  @inline(__always)
  static func key(_ packet: UnsafePointer<ParsedPacket>) -> UnsafePointer<FlowKey> {
    UnsafeRawPointer(packet).assumingMemoryBound(to: FlowKey.self)
  }

  @inline(__always)
  func isLive(_ number: UInt32) -> Bool { hot[Int(number)].flags & FlowFlags.live != 0 }

  /// Where an entry's key is: at its beginning, which a test asserts.
  @inline(__always)
  func key(_ number: UInt32) -> UnsafePointer<FlowKey> {
    UnsafeRawPointer(hot + Int(number)).assumingMemoryBound(to: FlowKey.self)
  }

  /// The whole look-up: home bucket, then as many further ones as a stray of it ever went. Changes
  /// nothing; borrowed, the table would be copied for the call.
  @inline(never)
  mutating func search(_ key: UnsafePointer<FlowKey>, _ hash: UInt64) -> UInt32 {
    let tag = Self.tag(hash)
    let home = home(hash)
    let reach = UInt64(Self.strays(bucket(home))[1])
    var distance: UInt64 = 0
    while distance <= reach {
      let current = bucket(home, distance)
      var matches = martlet_match8(current, tag)
      while matches != 0 {
        let entry = Self.numbers(current)[matches.trailingZeroBitCount >> 1]
        if FlowKey.areEqual(key, self.key(entry)) { return entry }
        matches &= matches &- 1
      }
      distance &+= 1
    }
    return Self.none
  }

  // MARK: Changes

  /// How many beginnings ahead an entry's lines are asked for.
  private static var freeAhead: Int { 4 }

  /// Both halves of an entry on their way.
  @inline(__always)
  func prefetchAll(_ number: UInt32) {
    let hot = UnsafeRawPointer(hot + Int(number))
    let cold = UnsafeRawPointer(cold + Int(number))
    martlet_prefetch_write(hot)
    martlet_prefetch_write(hot + 64)
    martlet_prefetch_write(cold)
    martlet_prefetch_write(cold + 64)
  }

  /// Takes a free entry and puts it into the index under `hash`; the caller fills it. `none` where the
  /// table is full.
  mutating func insert(hash: UInt64) -> UInt32 {
    guard freeCount > 0 else { return Self.none }
    freeCount &-= 1
    if freeCount < fewestFree { fewestFree = freeCount }
    let entry = free[freeCount]
    if freeCount >= Self.freeAhead { prefetchAll(free[freeCount &- Self.freeAhead]) }
    let home = home(hash)
    var distance: UInt64 = 0
    // Ends: there are more slots than entries, so some bucket has room.
    while true {
      let current = bucket(home, distance)
      let slot = Self.firstMatch(current, 0)
      if slot < Bucket.slots {
        Self.tags(current)[slot] = Self.tag(hash)
        Self.numbers(current)[slot] = entry
        if distance > 0 {
          let strays = Self.strays(bucket(home))
          strays[0] &+= 1
          strays[1] = max(strays[1], UInt32(truncatingIfNeeded: distance))
        }
        return entry
      }
      distance &+= 1
    }
  }

  /// Takes an entry out of the index and gives it back to the free ones.
  mutating func remove(_ entry: UInt32, hash: UInt64) {
    let home = home(hash)
    let strays = Self.strays(bucket(home))
    let reach = UInt64(strays[1])
    var distance: UInt64 = 0
    while distance <= reach {
      let current = bucket(home, distance)
      for slot in 0..<Bucket.slots
      where Self.numbers(current)[slot] == entry && Self.tags(current)[slot] != 0 {
        Self.tags(current)[slot] = 0
        if distance > 0 {
          strays[0] &-= 1
          if strays[0] == 0 { strays[1] = 0 }
        }
        hot[Int(entry)].flags = 0
        free[freeCount] = entry
        freeCount &+= 1
        return
      }
      distance &+= 1
    }
    assertionFailure("an entry that is live stands in the index")
  }
}
