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
  /// still what it was.
  package var ended: @convention(c) (UnsafeMutableRawPointer, UInt32) -> Void

  package init(
    context: UnsafeMutableRawPointer,
    payload:
      @escaping @convention(c) (UnsafeMutableRawPointer, UInt32, UnsafeRawPointer) -> UInt64,
    ended: @escaping @convention(c) (UnsafeMutableRawPointer, UInt32) -> Void
  ) {
    self.context = context
    self.payload = payload
    self.ended = ended
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
    var wrong = hook.payload(hook.context, entry, UnsafeRawPointer(packet))
    while wrong != 0 {
      let place = wrong.trailingZeroBitCount
      wrong &= wrong &- 1
      if let counter = Counter(rawValue: Counter.streamOverlapDiffers.rawValue &+ place) {
        note(counter, entry, packet)
      }
    }
  }

  /// The flow is about to go.
  @inline(never)
  mutating func endPayload(_ entry: UInt32) {
    if let hook { hook.ended(hook.context, entry) }
  }
}
