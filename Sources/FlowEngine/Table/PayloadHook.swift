/// Who looks into the payload of flows (dissection), as the flow table knows him: two C functions, so that
/// nothing is counted or looked up for a call, on the worker's thread.
package struct PayloadHook: BitwiseCopyable {
  package var context: UnsafeMutableRawPointer
  /// A packet of a flow that has ``FlowFlags/payloadWanted``, after it was counted: the flow's entry, and
  /// the ``ParsedPacket``, valid during the call. Every packet with payload, each while segments wait
  /// (``FlowApp/Flags/isHolding``), and each that is not the usual one in order. Returns what was wrong with
  /// it: a bit for each ``Counter`` from ``Counter/streamOverlapDiffers`` on.
  package var payload: @convention(c) (UnsafeMutableRawPointer, UInt32, UnsafeRawPointer) -> UInt64
  /// A flow with a state (``FlowApp/state``), or of which nobody knows what it speaks, ends; its entry is
  /// still what it was. Returns what was wrong with it, as ``payload`` does, and writes into the
  /// ``PayloadMark`` which packet showed it, where that is not the flow's latest.
  package var ended:
    @convention(c) (UnsafeMutableRawPointer, UInt32, UnsafeMutableRawPointer) -> UInt64

  package init(
    context: UnsafeMutableRawPointer,
    payload:
      @escaping @convention(c) (UnsafeMutableRawPointer, UInt32, UnsafeRawPointer) -> UInt64,
    ended:
      @escaping @convention(c) (UnsafeMutableRawPointer, UInt32, UnsafeMutableRawPointer) -> UInt64
  ) {
    self.context = context
    self.payload = payload
    self.ended = ended
  }
}

/// Which packet it was that showed something.
package struct PayloadMark: BitwiseCopyable {
  /// Nanoseconds since 1970.
  package var time: Int64
  package var ordinal: UInt64
  /// Of the flow's key, who sent it.
  package var side: UInt8

  package init(time: Int64, ordinal: UInt64, side: UInt8) {
    self.time = time
    self.ordinal = ordinal
    self.side = side
  }
}

extension PayloadMark {
  init(_ packet: UnsafePointer<ParsedPacket>) {
    time = packet.pointee.time
    ordinal = packet.pointee.ordinal
    side = packet.pointee.side
  }
}

/// What dissection may see and change of a worker's flows.
package struct FlowAccess: BitwiseCopyable, @unchecked Sendable {
  package let hot: UnsafeMutablePointer<FlowHot>
  package let cold: UnsafeMutablePointer<FlowCold>
  package let app: UnsafeMutablePointer<FlowApp>
  /// Of the next record of whatever kind.
  package let sequence: UnsafeMutablePointer<UInt64>
}

extension FlowAccess {
  /// As the tracker has it: ``FlowTracker/room(_:_:_:)``.
  package func room(_ entry: Int, of sender: UInt8) -> UInt32 {
    FlowTracker.room(hot + entry, cold + entry, sender)
  }
}

extension FlowTracker {
  package var access: FlowAccess {
    FlowAccess(hot: table.hot, cold: table.cold, app: table.app, sequence: nextSequence)
  }

  /// From now on new flows' payload is shown; before the first packet.
  package mutating func attach(_ hook: PayloadHook) {
    self.hook = hook
    newFlowFlags = FlowFlags.payloadWanted
  }

  /// Whether a packet in order has payload that somebody wants to see, or acknowledges what waits.
  @inline(__always)
  func wantsPayload(_ packet: UnsafePointer<ParsedPacket>) -> Bool {
    table.hot[Int(packet.pointee.candidate)].flags & FlowFlags.payloadWanted != 0
      && (packet.pointee.payloadLength != 0
        || table.app[Int(packet.pointee.candidate)].flags & FlowApp.Flags.isHolding != 0)
  }

  /// Shows a packet to whoever looks into its flow.
  @inline(never)
  mutating func showPayload(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) {
    guard let hook else { return }
    let wrong = hook.payload(hook.context, entry, UnsafeRawPointer(packet))
    if wrong != 0 { noteAll(wrong, entry, PayloadMark(packet)) }
  }

  /// The flow is about to go.
  @inline(never)
  mutating func endPayload(_ entry: UInt32) {
    guard let hook else { return }
    let hot = table.hot + Int(entry)
    var mark = PayloadMark(
      time: hot.pointee.lastSeen, ordinal: table.cold[Int(entry)].ordinal,
      side: originatorSide(entry))
    let wrong = withUnsafeMutablePointer(to: &mark) {
      hook.ended(hook.context, entry, UnsafeMutableRawPointer($0))
    }
    if wrong != 0 { noteAll(wrong, entry, mark) }
  }

  /// A bit for each ``Counter`` from ``Counter/streamOverlapDiffers`` on.
  private mutating func noteAll(_ bits: UInt64, _ entry: UInt32, _ mark: PayloadMark) {
    var bits = bits
    while bits != 0 {
      let place = bits.trailingZeroBitCount
      bits &= bits &- 1
      if let counter = Counter(rawValue: Counter.streamOverlapDiffers.rawValue &+ place) {
        note(counter, entry, mark)
      }
    }
  }
}
