import CBurst
import CLineRate
import Foundation

/// The live flows, and those that have ended. It fills bursts: the next packet of a flow by choice, or
/// the packets that end one flow and begin another in its place.
///
/// | packets so far (32 bits) | flow's number (32 bits) | of every live flow: 8 MiB a million.
struct Population {
  static let burst = Int(LINERATE_BURST)
  /// What ends one flow and begins the next: FIN, FIN, ACK, SYN, SYN+ACK, first data.
  private static let longestChange = 6

  let capacity: Int
  let writer: FrameWriter
  private var choice: FlowChoice
  private let live: UnsafeMutablePointer<UInt64>
  /// By flow number: packets sent. Virtual memory for as many as there can be, touched as they end.
  private let sent: UnsafeMutablePointer<UInt32>
  /// Chosen and prefetched for the burst after this one.
  private let chosen: UnsafeMutablePointer<UInt32>
  private let closesWithFIN: Bool

  /// Flows begun so far; the next one's number.
  private(set) var begun: UInt32 = 0
  private(set) var ended: UInt32 = 0
  private(set) var packets: UInt64 = 0
  private var oldest = 0

  init(capacity: Int, zipf: Double?, writer: FrameWriter, closesWithFIN: Bool) throws {
    self.capacity = capacity
    self.writer = writer
    self.closesWithFIN = closesWithFIN
    choice = FlowChoice(flows: capacity, exponent: zipf)
    // Whole hugepages where the system gives them: a flow is found by one cache miss, not two.
    let page = 2 << 20
    let bytes = (capacity * 8 + page - 1) & ~(page - 1)
    let places = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: page)
    madvise(places, bytes, MADV_HUGEPAGE)
    live = places.initializeMemory(as: UInt64.self, repeating: 0, count: capacity)
    chosen = .allocate(capacity: Self.burst)
    chosen.initialize(repeating: 0, count: Self.burst)
    let memory = mmap(
      nil, Int(FlowPlan.limit) * 4, PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let memory, memory != MAP_FAILED else {
      throw BenchError("no address space for the counts of \(FlowPlan.limit) flows")
    }
    sent = memory.assumingMemoryBound(to: UInt32.self)
    choose()
  }

  /// Every place has its flow.
  var isComplete: Bool { Int(begun) >= capacity }

  /// Fills a burst with the first packets of flows that were not there yet. Places that are left over
  /// at the very end get a further packet of the first flows.
  mutating func fillWithNew(_ burst: UnsafeMutablePointer<linerate_burst>) {
    var n = 0
    while n + 3 <= Self.burst && Int(begun) < capacity {
      let place = Int(begun)
      n = begin(at: place, burst, n)
    }
    var place = 0
    while n < Self.burst {
      n = goOn(place, burst, n)
      place = place + 1 == Int(begun) ? 0 : place + 1
    }
    packets &+= UInt64(Self.burst)
  }

  /// Fills a burst: `changes` flows end and others begin in their places, as far as there is room, and
  /// packets of live flows. How many have changed.
  @inline(__always)
  mutating func fill(_ burst: UnsafeMutablePointer<linerate_burst>, changes: Int) -> Int {
    var n = 0
    var changed = 0
    while changed < changes && n + Self.longestChange <= Self.burst {
      n = change(burst, n)
      changed += 1
    }
    var i = 0
    while n < Self.burst {
      n = goOn(Int(chosen[i]), burst, n)
      i &+= 1
    }
    choose()
    packets &+= UInt64(Self.burst)
    return changed
  }

  @inline(__always)
  private mutating func choose() {
    for i in 0..<Self.burst {
      let place = choice.next()
      chosen[i] = UInt32(truncatingIfNeeded: place)
      martlet_prefetch_write(live + place)
    }
  }

  @inline(__always)
  private mutating func goOn(
    _ place: Int, _ burst: UnsafeMutablePointer<linerate_burst>, _ n: Int
  ) -> Int {
    let state = live[place]
    live[place] = state &+ 1 << 32
    let length = writer.write(
      frame(burst, n), flow: UInt32(truncatingIfNeeded: state),
      packet: UInt32(truncatingIfNeeded: state >> 32))
    setLength(burst, n, length)
    return n &+ 1
  }

  /// A new flow: TCP's handshake, whose third packet has data, or one packet of UDP.
  @inline(never)
  private mutating func begin(
    at place: Int, _ burst: UnsafeMutablePointer<linerate_burst>, _ n: Int
  ) -> Int {
    precondition(begun < FlowPlan.limit, "flow numbers have run out")
    live[place] = UInt64(begun)
    let isTCP = writer.plan.isTCP(FlowPlan.bits(begun))
    begun += 1
    var n = n
    for _ in 0..<(isTCP ? 3 : 1) { n = goOn(place, burst, n) }
    return n
  }

  /// The oldest flow ends, TCP by FIN where it is to, and a new one takes its place.
  @inline(never)
  private mutating func change(_ burst: UnsafeMutablePointer<linerate_burst>, _ n: Int) -> Int {
    let state = live[oldest]
    let flow = UInt32(truncatingIfNeeded: state)
    var count = UInt32(truncatingIfNeeded: state >> 32)
    var n = n
    if closesWithFIN && writer.plan.isTCP(FlowPlan.bits(flow)) {
      for step in 0..<3 {
        let length = writer.writeFIN(
          frame(burst, n), flow: flow, after: count, step: UInt32(step))
        setLength(burst, n, length)
        n += 1
      }
      count += 3
    }
    sent[Int(flow)] = count
    ended += 1
    n = begin(at: oldest, burst, n)
    oldest = oldest + 1 == capacity ? 0 : oldest + 1
    return n
  }

  @inline(__always)
  private func frame(
    _ burst: UnsafeMutablePointer<linerate_burst>, _ n: Int
  ) -> UnsafeMutableRawPointer {
    // A C array of pointers, at the struct's beginning.
    UnsafeMutableRawPointer(
      UnsafeRawPointer(burst).assumingMemoryBound(to: UnsafeMutablePointer<UInt8>.self)[n])
  }

  @inline(__always)
  private func setLength(
    _ burst: UnsafeMutablePointer<linerate_burst>, _ n: Int, _ length: UInt16
  ) {
    UnsafeMutableRawPointer(burst).storeBytes(
      of: length, toByteOffset: Self.burst * MemoryLayout<UnsafeRawPointer>.stride + 2 * n,
      as: UInt16.self)
  }

  /// What was sent, for the checker.
  func report() -> SentReport {
    for place in 0..<min(capacity, Int(begun)) {
      sent[Int(UInt32(truncatingIfNeeded: live[place]))] = UInt32(
        truncatingIfNeeded: live[place] >> 32)
    }
    return SentReport(
      plan: writer.plan, packets: packets, ended: ended,
      counts: Array(UnsafeBufferPointer(start: sent, count: Int(begun))))
  }
}
