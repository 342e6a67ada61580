import FlowEngine

/// Frames without an end, each made when it is asked for, the same ones in every run.
protocol Traffic: AnyObject {
  /// Writes the next frame and returns its length.
  func next(_ frame: FrameWriter) -> Int
  /// What the clock goes on by for a full burst.
  var burstNanoseconds: Int64 { get }
}

/// A full burst, 32 packets, at 14.88 Mpps, the line rate of 10 GbE at 64-byte frames.
let lineRateBurstNanoseconds: Int64 = 2_150

/// Packets of flows that are there already, chosen at random.
final class KnownFlows: Traffic {
  enum Choice {
    case uniform
    case zipf(Double)

    var isUniform: Bool {
      if case .uniform = self { true } else { false }
    }

    var name: String {
      switch self {
      case .uniform: "uniform"
      case .zipf(let exponent): "Zipf \(exponent)"
      }
    }
  }

  let count: Int
  let burstNanoseconds = lineRateBurstNanoseconds
  private let steps: UnsafeMutablePointer<UInt32>
  private let zipf: Zipf?
  private var random = Random(seed: 1)
  private var warmed = 0

  init(count: Int, choice: Choice) {
    self.count = count
    steps = .allocate(capacity: count)
    steps.initialize(repeating: 0, count: count)
    if case .zipf(let exponent) = choice {
      zipf = Zipf(count: count, exponent: exponent)
    } else {
      zipf = nil
    }
  }

  deinit { steps.deallocate() }

  /// Packets until every flow is known: at first ``next(_:)`` gives each flow's beginning.
  var warmUpPackets: Int { count * Conversation.beginning }

  @inline(__always)
  func next(_ frame: FrameWriter) -> Int {
    let flow: Int
    if warmed < warmUpPackets {
      // In an order in which neighbours in the table are not neighbours in number.
      flow = Int(truncatingIfNeeded: UInt64(warmed % count) &* 2_654_435_761 % UInt64(count))
      warmed += 1
    } else {
      flow = zipf?(&random) ?? random.below(count)
    }
    let step = Int(steps[flow])
    steps[flow] &+= 1
    return Conversation.packet(FlowShape(flow), step: step, frame)
  }
}

/// SYNs, no two of one flow.
final class Flood: Traffic {
  let burstNanoseconds: Int64
  private var flow = 0

  init(burstNanoseconds: Int64 = lineRateBurstNanoseconds) {
    self.burstNanoseconds = burstNanoseconds
  }

  @inline(__always)
  func next(_ frame: FrameWriter) -> Int {
    let shape = FlowShape(flow, kinds: .tcp)
    flow += 1
    return frame.tcp(
      shape, fromClient: true, sequence: shape.clientStart, acknowledgement: 0, flags: TCPFlags.syn)
  }
}

/// Short flows, many at a time: TCP of ten packets from handshake to the last acknowledgement, UDP and ICMP
/// of a request and an answer. The clock is faster than the line, so that flows end by their timeouts in
/// a table of ordinary size: what a packet costs is the same.
final class ShortFlows: Traffic {
  static let tcpPackets = 10

  private struct Flow {
    var id: Int
    var step: Int
  }

  let burstNanoseconds: Int64
  private var open: [Flow]
  private var random = Random(seed: 2)
  private var newest: Int

  /// `atOnce` flows under way at any time, `packetsPerSecond` on the clock.
  init(atOnce: Int, packetsPerSecond: Int) {
    burstNanoseconds = 64_000_000_000 / Int64(packetsPerSecond)
    open = (0..<atOnce).map { Flow(id: $0, step: 0) }
    newest = atOnce
  }

  @inline(__always)
  func next(_ frame: FrameWriter) -> Int {
    let place = random.below(open.count)
    let flow = open[place]
    let shape = FlowShape(flow.id)
    let isTCP = shape.proto == IPProtocol.tcp
    let begin = Self.tcpPackets - Conversation.closing
    let length =
      isTCP && flow.step >= begin
      ? Conversation.close(shape, after: begin, stage: flow.step - begin, frame)
      : Conversation.packet(shape, step: flow.step, frame)
    if flow.step + 1 == (isTCP ? Self.tcpPackets : 2) {
      open[place] = Flow(id: newest, step: 0)
      newest += 1
    } else {
      open[place].step += 1
    }
    return length
  }
}

/// A link in its steady state: every so many packets a flow begins, the oldest one ends, and all else are
/// packets of those between. What a table holds is those and the ones that wait for their timeouts.
final class Population: Traffic {
  /// Packets from one beginning to the next.
  var packetsPerBirth: Int
  var burstNanoseconds: Int64 { Int64(64 * 1_000_000_000 / (packetsPerBirth * birthsPerSecond)) }
  private let birthsPerSecond: Int
  private let steps: UnsafeMutablePointer<UInt32>
  private let mask: Int
  private let alive: Int
  private var oldest = 0
  private var newest = 0
  private var untilBirth = 0
  /// Packets that are next whatever comes: a handshake, then an end.
  private var pending = 0
  private var closing = 0
  private var random = Random(seed: 3)

  /// `alive` flows that still send, `birthsPerSecond` new ones.
  init(alive: Int, birthsPerSecond: Int, packetsPerBirth: Int) {
    self.alive = alive
    self.birthsPerSecond = birthsPerSecond
    self.packetsPerBirth = packetsPerBirth
    var slots = 1
    while slots < alive + 2 { slots *= 2 }
    mask = slots - 1
    steps = .allocate(capacity: slots)
    steps.initialize(repeating: 0, count: slots)
  }

  deinit { steps.deallocate() }

  @inline(__always)
  func next(_ frame: FrameWriter) -> Int {
    if untilBirth == 0 {
      untilBirth = packetsPerBirth
      steps[newest & mask] = 0
      newest += 1
      pending = Conversation.beginning
      closing = newest - oldest > alive ? Conversation.closing : 0
    }
    untilBirth -= 1
    if pending > 0 {
      pending -= 1
      return step(newest - 1, frame)
    }
    if closing > 0 {
      closing -= 1
      let flow = oldest
      if closing == 0 { oldest += 1 }
      return Conversation.close(
        FlowShape(flow), after: Int(steps[flow & mask]),
        stage: Conversation.closing - 1 - closing, frame)
    }
    return step(oldest + random.below(newest - oldest), frame)
  }

  @inline(__always)
  private func step(_ flow: Int, _ frame: FrameWriter) -> Int {
    let step = Int(steps[flow & mask])
    steps[flow & mask] &+= 1
    return Conversation.packet(FlowShape(flow), step: step, frame)
  }
}
