import CBurst
import CLineRate

/// What one run of a capture's passes did.
struct PlayResult: Codable {
  /// Of frames, without checksums, preambles and gaps; what was asked for, 0: as fast as they are taken.
  var offeredBitsPerSecond = 0.0
  var seconds = 0.0
  var passes = 0
  /// On the receiver's ring.
  var delivered: UInt64 = 0
  var deliveredBytes: UInt64 = 0
  /// Frames not sent: since the ring was full for longer than the patience, the receiver's loss; since the
  /// generator itself was held up for longer.
  var lost: UInt64 = 0
  var late: UInt64 = 0
  var refusals: UInt64 = 0
  var longestGapMicroseconds = 0.0
  var longestLagMilliseconds = 0.0
  /// Least and most bytes of a tenth of a second, as a share of what was due in one.
  var leastWindowShare = 0.0
  var mostWindowShare = 0.0
  var busyShare = 0.0
  var ticksPerPacket = 0.0
  var ticksPerSecond = 0.0
}

extension Pacer {
  /// Sends `passes` of a capture at `bitsPerSecond` of frames (0: as fast as the port takes them). What is
  /// late is caught up, and passed over where it is later than the patience.
  func play(
    _ replay: Replay, passes: Int, bitsPerSecond: Double, patienceSeconds: Double
  ) -> PlayResult {
    var result = PlayResult()
    let paced = bitsPerSecond > 0
    let bytesPerTick = bitsPerSecond / 8 / ticksPerSecond
    let patience = UInt64(bitsPerSecond / 8 * patienceSeconds)
    let total = UInt64(passes * replay.contents.frames)
    let start = martlet_tsc()
    var windows = Windows(seconds: Self.windowSeconds, ticksPerSecond, from: start)
    var handled: UInt64 = 0
    var bytes: UInt64 = 0
    var last = start
    var isRefused = false
    var busy: UInt64 = 0
    var longestGap: UInt64 = 0
    var longestLag: UInt64 = 0
    // Unpaced, a receiver that takes nothing any more ends it.
    var waiting = start

    while handled < total {
      let now = martlet_tsc()
      let count = UInt32(min(UInt64(LINERATE_BURST), total &- handled))
      if paced {
        let due = UInt64(Double(now &- start) * bytesPerTick)
        if due < bytes {
          rest()
          continue
        }
        let lag = due &- bytes
        longestLag = max(longestLag, lag)
        if lag > patience {
          bytes &+= linerate_replay_skip(replay.frames, count)
          handled &+= UInt64(count)
          if isRefused { result.lost &+= UInt64(count) } else { result.late &+= UInt64(count) }
          continue
        }
      } else if isRefused && Double(now &- waiting) > 5 * ticksPerSecond {
        result.lost = total &- handled
        break
      }
      if linerate_sender_reserve(sender) == 0 {
        result.refusals &+= 1
        if !isRefused { waiting = now }
        isRefused = true
        last = now
        yieldLine()
        continue
      }
      isRefused = false
      longestGap = max(longestGap, now &- last)
      let length = linerate_replay_fill(replay.frames, burst, count)
      linerate_sender_commit_some(sender, count)
      last = martlet_tsc()
      busy &+= last &- now
      windows.note(last, length)
      bytes &+= length
      handled &+= UInt64(count)
      result.delivered &+= UInt64(count)
      result.deliveredBytes &+= length
    }
    let elapsed = Double(last &- start) / ticksPerSecond
    result.passes = passes
    result.seconds = elapsed
    result.offeredBitsPerSecond = paced ? bitsPerSecond : Double(bytes) * 8 / elapsed
    result.longestGapMicroseconds = Double(longestGap) / ticksPerSecond * 1e6
    result.longestLagMilliseconds = paced ? Double(longestLag) * 8 / bitsPerSecond * 1e3 : 0
    let window = result.offeredBitsPerSecond / 8 * Self.windowSeconds
    if windows.most > 0 {
      result.leastWindowShare = Double(windows.least) / window
      result.mostWindowShare = Double(windows.most) / window
    }
    result.busyShare = Double(busy) / max(Double(last &- start), 1)
    result.ticksPerPacket = Double(busy) / max(Double(result.delivered), 1)
    result.ticksPerSecond = ticksPerSecond
    return result
  }
}
