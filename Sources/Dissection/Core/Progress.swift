internal import FlowEngine

/// What a stream's dissector has done with the bytes it was given.
struct Progress {
  /// Bytes from the front that it has done with; the rest is given again, with what follows.
  var consumed: Int
  /// How many bytes it must be given at once next time, counted from behind `consumed`. 0: whatever comes
  /// next. No more than ``DissectionSettings/longestMessage``: beyond it the flow is given up.
  var needs = 0
  /// Bytes behind `consumed` that it does not want to see (a body, encrypted records); they may be there
  /// already or still to come, and holes among them matter to nobody.
  var skip: UInt64 = 0
  var next = Next.more

  enum Next {
    case more
    /// It wants nothing more of this direction.
    case directionDone
    /// It has all it wants of the flow.
    case done
    /// This is not, or no longer, what it was taken for.
    case lost
    /// From behind `consumed` on the stream is of another protocol; `unknown` has it probed. Both
    /// directions change.
    case change(AppProtocol)
  }

  /// Bytes have been consumed, and nothing is said of those behind them.
  var goesOn: Bool {
    guard case .more = next else { return false }
    return consumed > 0 && needs == 0 && skip == 0
  }

  static func consumed(_ count: Int) -> Progress { Progress(consumed: count) }
  /// Not enough: call again when `count` bytes are there, from the front of these.
  static func needs(_ count: Int) -> Progress { Progress(consumed: 0, needs: count) }
  static func done(_ consumed: Int = 0) -> Progress { Progress(consumed: consumed, next: .done) }
  static func directionDone(_ consumed: Int = 0) -> Progress {
    Progress(consumed: consumed, next: .directionDone)
  }
  static func lost() -> Progress { Progress(consumed: 0, next: .lost) }
  static func skip(_ count: UInt64, after consumed: Int) -> Progress {
    Progress(consumed: consumed, skip: count)
  }
}

/// What a dissector says of a hole in a direction.
enum GapAnswer: BitwiseCopyable {
  /// Go on with what stands behind it: the dissector finds the next message by itself.
  case resume
  /// This direction makes no sense any more.
  case directionDone
  /// The whole flow makes none.
  case done
}

/// What a datagram's dissector says afterwards.
enum DatagramAnswer: BitwiseCopyable {
  case more
  /// It holds nothing: the state may go until the flow's next datagram, which finds one of zeros.
  case idle
  /// It has all it wants of the flow.
  case done
  /// This is not what it was taken for.
  case lost
}

/// What a look at the first bytes of one direction says.
enum Probe: BitwiseCopyable {
  case no
  /// It may be: more bytes will tell.
  case maybe
  case yes
}

/// What a probe knows beside the bytes.
struct ProbeContext: BitwiseCopyable {
  /// Sent by the client: who opened the connection, or sent the first datagram.
  let isToServer: Bool
  let isTCP: Bool
  let serverPort: UInt16
  let clientPort: UInt16
}

/// A protocol over TCP. `State` is all zeros when the dissector gets the flow, and lies in the flow's
/// state: at the most ``FlowState/ownBytes``.
///
/// Nothing here may trust a length or a count of the wire, loop longer than its input, recurse deeper than
/// a limit that is said, or keep a pointer into `bytes` beyond the call.
protocol StreamDissector {
  associatedtype State: BitwiseCopyable

  /// What the flow would be by its first bytes in one direction.
  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe
  /// Bytes of one direction, in order, from where the last ``Progress`` left off.
  static func take(_ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes) -> Progress
  /// `missing` bytes of this direction were not seen, and stand behind `rest`, which had been left over and
  /// is not given again.
  static func gap(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes, missing: UInt64
  ) -> GapAnswer
  /// The sender of this direction has closed it; `rest` had been left over.
  static func closed(_ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes)
  /// The flow is over, or nobody looks at it any more: emits what is pending, drops what is kept.
  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>)
}

/// A protocol over UDP; see ``StreamDissector``.
protocol DatagramDissector {
  associatedtype State: BitwiseCopyable

  static func probe(_ bytes: Bytes, _ context: ProbeContext) -> Probe
  /// One datagram's payload; `missing` bytes at its end were not captured.
  static func take(
    _ d: Delivery, _ state: UnsafeMutablePointer<State>, _ bytes: Bytes, missing: Int
  ) -> DatagramAnswer
  static func end(_ d: Delivery, _ state: UnsafeMutablePointer<State>)
}

extension StreamDissector {
  static func closed(_ d: Delivery, _ state: UnsafeMutablePointer<State>, rest: Bytes) {}
}
