import CBurst
import CLineRate
import Foundation

/// What one run of the generator did.
struct RunResult: Codable {
  var offeredPacketsPerSecond = 0.0
  var seconds = 0.0
  /// On the receiver's ring.
  var delivered: UInt64 = 0
  /// Not taken, since the ring was full for longer than the patience: the receiver's loss.
  var lost: UInt64 = 0
  /// Not made, because the generator itself was held up for longer than the patience.
  var late: UInt64 = 0
  /// Times that the ring had no room for a burst.
  var refusals: UInt64 = 0
  var flowsBegun = 0
  /// Longest time between two bursts, and furthest behind the schedule.
  var longestGapMicroseconds = 0.0
  var longestLagMilliseconds = 0.0
  /// Least and most packets of a tenth of a second, as a share of what was due in one.
  var leastWindowShare = 0.0
  var mostWindowShare = 0.0
  /// Part of the time that went into making and sending bursts.
  var busyShare = 0.0
  /// Ticks of the TSC a packet for that.
  var ticksPerPacket = 0.0
  var ticksPerSecond = 0.0
}

/// Paces bursts by the time stamp counter.
///
/// A burst is sent when it is due; one that is late is sent at once, so that the rate holds as an
/// average. Where the receiver's ring is full, the burst waits; packets that are later than
/// `patience` for it are lost, and are not made: they are the receiver's loss. So a core that is shared
/// with others, or a receiver that is behind for a moment, costs nothing, and a receiver that cannot
/// take the rate does.
struct Pacer {
  let sender: OpaquePointer
  let burst: UnsafeMutablePointer<linerate_burst>
  let ticksPerSecond: Double
  /// How long to sleep when nothing is due; 0: spin.
  let napMicroseconds: UInt32
  static let windowSeconds = 0.1

  /// Packets or bytes by windows of time.
  struct Windows {
    var end: UInt64
    let length: UInt64
    var count: UInt64 = 0
    var least = UInt64.max
    var most: UInt64 = 0

    init(seconds: Double, _ ticksPerSecond: Double, from start: UInt64) {
      length = UInt64(seconds * ticksPerSecond)
      end = start &+ length
    }

    @inline(__always)
    mutating func note(_ now: UInt64, _ amount: UInt64) {
      if now >= end {
        least = min(least, count)
        most = max(most, count)
        count = 0
        end = max(end &+ length, now)
      }
      count &+= amount
    }
  }

  /// Sends at `rate` packets a second (0: as fast as the port takes them) for `seconds`, with `new`
  /// flows a second in place of others; or, with `filling`, until every place has its flow.
  func run(
    _ population: inout Population, rate: Double, seconds: Double, new: Double,
    patienceSeconds: Double, filling: Bool = false
  ) -> RunResult {
    var result = RunResult()
    let size = UInt64(Population.burst)
    let paced = rate > 0
    let packetsPerTick = rate / ticksPerSecond
    let total = paced ? UInt64(rate * seconds) / size * size : UInt64.max
    let patience = max(UInt64(rate * patienceSeconds), 4 &* size)
    let start = martlet_tsc()
    let end = start &+ UInt64(seconds * ticksPerSecond)
    let deadline = end &+ UInt64(patienceSeconds * ticksPerSecond)
    let changesPerTick = new / ticksPerSecond
    let begunBefore = population.begun
    var handled: UInt64 = 0
    var changes = 0
    var last = start
    var isRefused = false
    var busy: UInt64 = 0
    var longestGap: UInt64 = 0
    var longestLag: UInt64 = 0
    var windows = Windows(seconds: Self.windowSeconds, ticksPerSecond, from: start)

    while handled < total || filling {
      let now = martlet_tsc()
      if filling && (population.isComplete || now >= end) { break }
      if paced {
        let due = min(UInt64(Double(now &- start) * packetsPerTick), filling ? .max : total)
        if due < handled &+ size {
          rest()
          continue
        }
        let lag = due &- handled
        longestLag = max(longestLag, lag)
        // In whole bursts; what is left over is sent.
        let skipped = lag > patience ? (lag &- patience) / size * size : 0
        if skipped > 0 {
          if isRefused { result.lost &+= skipped } else { result.late &+= skipped }
          handled &+= skipped
          continue
        }
      } else if now >= end {
        break
      }
      if linerate_sender_reserve(sender) == 0 {
        result.refusals &+= 1
        isRefused = true
        // The receiver's gap, not the generator's.
        last = now
        if paced && !filling && now > deadline {
          result.lost &+= total &- handled
          break
        }
        yieldLine()
        continue
      }
      isRefused = false
      longestGap = max(longestGap, now &- last)
      if filling {
        population.fillWithNew(burst)
      } else {
        let wanted = Int(Double(now &- start) * changesPerTick) &- changes
        changes &+= population.fill(burst, changes: wanted)
      }
      linerate_sender_commit(sender)
      last = martlet_tsc()
      busy &+= last &- now
      windows.note(last, size)
      handled &+= size
      result.delivered &+= size
    }
    let elapsed = Double(last &- start) / ticksPerSecond
    result.offeredPacketsPerSecond = paced ? rate : Double(handled) / elapsed
    result.seconds = elapsed
    result.flowsBegun = Int(population.begun &- begunBefore)
    result.longestGapMicroseconds = Double(longestGap) / ticksPerSecond * 1e6
    result.longestLagMilliseconds = paced ? Double(longestLag) / rate * 1e3 : 0
    let window = result.offeredPacketsPerSecond * Self.windowSeconds
    if windows.most > 0 {
      result.leastWindowShare = Double(windows.least) / window
      result.mostWindowShare = Double(windows.most) / window
    }
    result.busyShare = Double(busy) / max(Double(last &- start), 1)
    result.ticksPerPacket = Double(busy) / max(Double(handled), 1)
    result.ticksPerSecond = ticksPerSecond
    return result
  }

  /// Leaves the ring's index alone for some hundred nanoseconds: each look takes its line away from the
  /// receiver, who is at work on it.
  @inline(__always)
  func yieldLine() {
    if napMicroseconds > 0 { return rest() }
    for _ in 0..<16 { martlet_pause() }
  }

  @inline(__always)
  func rest() {
    if napMicroseconds == 0 {
      martlet_pause()
    } else {
      var time = timespec(tv_sec: 0, tv_nsec: Int(napMicroseconds) * 1000)
      nanosleep(&time, nil)
    }
  }
}
