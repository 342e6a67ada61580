internal import CBurst
internal import CCrypto
package import FlowEngine
package import Records

/// A worker's look into payloads: streams put together, protocols told by their content, records made of
/// what was said.
///
///     packet → (flow wanted?) → state → reassembly → dissector → tokens → ring → publisher
///
/// It lives in memory that its owner has taken, is touched by its worker's thread alone, and neither
/// allocates nor waits, but for capture files, whose records may wait for room in the ring.
package struct Dissection: ~Copyable {
  var core: DissectionCore

  /// What the dissections of `workers` workers have in common, cut out of `plan` once.
  package static func shared(workers: Int, plan: inout MemoryPlan) -> SharedMemory {
    SharedMemory(
      memory: plan.take(
        "announced transfers", bytes: AnnouncedTransfers.byteCount(workers: workers)),
      workers: workers)
  }

  package struct SharedMemory {
    let memory: UnsafeMutableRawPointer
    let workers: Int
  }

  /// Cuts what it needs out of `plan`; `touch` is false while the plan only adds up.
  package init(
    _ settings: DissectionSettings, plan: inout MemoryPlan, touch: Bool, flows: FlowAccess,
    counters: CounterBlock, ring: ByteRing, payloads: ByteRing? = nil, worker: Int,
    shared: SharedMemory, waits: Bool
  ) {
    let states = FlowStatePool(capacity: settings.flowCapacity, plan: &plan, touch: touch)
    let blocks = BlockPool(capacity: settings.bufferBytes, plan: &plan, touch: touch)
    let scratch = plan.take("dissection scratch", bytes: DissectionCore.scratchBytes)
    let depths = plan.take("dissection depths", bytes: DissectionCore.depthBytes)
      .assumingMemoryBound(to: UInt64.self)
    if touch { Self.fill(depths, settings) }
    core = DissectionCore(
      settings: DissectionChoices(settings), flows: flows, states: states, blocks: blocks,
      fragments: FragmentStore(capacity: settings.datagramCapacity, plan: &plan),
      counters: counters, ring: ring, scratch: scratch,
      redactor: Redactor(names: settings.redactedNames, plan: &plan, touch: touch),
      inflaters: InflaterPool(
        count: settings.hashesFiles || settings.wantsHiddenRecords ? settings.inflaterCount : 0,
        plan: &plan, touch: touch),
      announcements: AnnouncedTransfers(
        memory: shared.memory, worker: worker, workers: shared.workers),
      payloads: payloads, worker: UInt16(worker), waits: waits, depths: depths,
      printSeed: UInt64.random(in: .min ... .max))
    if touch { core.crypto = ccrypto_worker_create() }
  }

  private static func fill(
    _ depths: UnsafeMutablePointer<UInt64>, _ settings: DissectionSettings
  ) {
    func limit(_ bytes: UInt64) -> UInt64 { bytes == 0 ? .max : bytes }
    for place in 0..<128 { depths[place] = limit(settings.depthBytes) }
    for depth in settings.depths {
      depths[Int(depth.proto.rawValue) * 2] = limit(depth.toServer)
      depths[Int(depth.proto.rawValue) * 2 + 1] = limit(depth.toClient)
    }
  }

  deinit { ccrypto_worker_destroy(core.crypto) }

  /// What a worker calls. `memory` holds this dissection and stays where it is as long as the worker runs.
  package static func hook(_ memory: UnsafeMutablePointer<Dissection>) -> PayloadHook {
    PayloadHook(
      context: UnsafeMutableRawPointer(memory),
      payload: { context, entry, packet in
        context.assumingMemoryBound(to: Dissection.self).pointee.show(
          entry, packet.assumingMemoryBound(to: ParsedPacket.self))
      },
      ended: { context, entry, mark in
        context.assumingMemoryBound(to: Dissection.self).pointee.end(
          entry, mark.assumingMemoryBound(to: PayloadMark.self))
      })
  }

  /// All protocol records there are.
  package static let schema = EventSchema(EventGroups.all)
}

extension Dissection {
  /// One packet of a flow; see ``PayloadHook``.
  mutating func show(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) -> UInt64 {
    core.noted = 0
    if packet.pointee.flags & ParsedPacket.Flags.fragment != 0 {
      return showFragment(entry, packet)
    }
    let app = core.flows.app + Int(entry)
    if core.settings.keepsStreams {
      keepPayload(entry, packet)
      if app.pointee.flags & FlowApp.Flags.settled != 0 { return core.noted }
    }
    if app.pointee.state == 0 && !begin(entry, packet) { return core.noted }
    let state = core.states.at(app.pointee.state)
    // Whether an acknowledgement alone is shown while nothing waits depends on how its flow was looked up: no
    // record may depend on it.
    let control = packet.pointee.tcpFlags & (TCPFlags.syn | TCPFlags.fin | TCPFlags.rst)
    if packet.pointee.payloadLength == 0 && control == 0 && !isHolding(state) { return core.noted }
    state.pointee.lastTime = packet.pointee.time
    state.pointee.lastOrdinal = packet.pointee.ordinal
    state.pointee.lastSide = packet.pointee.side
    if packet.pointee.key.proto == IPProtocol.tcp {
      takeSegment(state, packet)
      let isHolding = isLive(state) && isHolding(state)
      app.pointee.flags =
        app.pointee.flags & FlowApp.Flags.settled | (isHolding ? FlowApp.Flags.isHolding : 0)
    } else {
      takeDatagram(state, packet)
    }
    return core.noted
  }

  /// Something waits for data or for an acknowledgement: segments behind a hole, or a FIN.
  private func isHolding(_ state: UnsafeMutablePointer<FlowState>) -> Bool {
    state.pointee.sideA.segments | state.pointee.sideB.segments != 0
      || isFINPending(Self.side(state, 0)) || isFINPending(Self.side(state, 1))
  }

  /// A state for a flow of which the first payload has come. False where there is none to look at, or no
  /// state is left.
  mutating func begin(_ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>) -> Bool {
    if core.settings.protocols == 0 {
      letGo(Int(entry))
      return false
    }
    // A fragment may have the UDP header alone.
    guard
      packet.pointee.payloadLength > 0 || packet.pointee.flags & ParsedPacket.Flags.fragment != 0
    else { return false }
    let hot = core.flows.hot + Int(entry)
    if !core.settings.takesMidstream, hot.pointee.key.proto == IPProtocol.tcp {
      let isB = hot.pointee.flags & FlowFlags.originatorIsB != 0
      let seen = isB ? hot.pointee.tcpFlagsB : hot.pointee.tcpFlagsA
      guard seen & TCPFlags.syn != 0 else {
        letGo(Int(entry))
        return false
      }
    }
    let number = core.states.take()
    guard number != 0 else {
      core.counters.add(.dissectionNoState)
      letGo(Int(entry))
      return false
    }
    core.flows.app[Int(entry)].state = number
    let state = core.states.at(number)
    state.pointee.entry = entry
    state.pointee.clientSide = hot.pointee.flags & FlowFlags.originatorIsB != 0 ? 1 : 0
    state.pointee.began = packet.pointee.time
    let key = hot.pointee.key
    state.pointee.expected =
      PortHints.expected(
        key, clientSide: state.pointee.clientSide
      ).rawValue
    if key.proto == IPProtocol.tcp { _ = beginIfAnnounced(state) }
    // Parked before: what it speaks is known.
    let known = core.flows.app[Int(entry)].proto
    if known != AppProtocol.unknown.rawValue && known != AppProtocol.failed.rawValue {
      state.pointee.proto = known
      state.pointee.isOwnUsed = true
      state.pointee.transactions = UInt32(core.flows.app[Int(entry)].transactions)
    } else {
      core.counters.add(.dissectedFlows)
    }
    return true
  }

  /// Whether a control connection has said what this one is: nothing in its bytes would tell.
  mutating func beginIfAnnounced(_ state: UnsafeMutablePointer<FlowState>) -> Bool {
    guard core.settings.isOn(.ftpData),
      let announced = core.announcements.take(
        core.flows.hot[Int(state.pointee.entry)].key, clientSide: state.pointee.clientSide,
        began: state.pointee.began)
    else { return false }
    state.pointee.expected = 0
    assign(.ftpData, state)
    let app = core.flows.app + Int(state.pointee.entry)
    app.pointee.toServer = AppProtocol.ftpData.rawValue
    app.pointee.toClient = AppProtocol.ftpData.rawValue
    FTPDataStream.begin(
      UnsafeMutableRawPointer(state).advanced(by: FlowState.ownOffset)
        .assumingMemoryBound(to: FTPDataStream.State.self), announced)
    return true
  }

  /// The dissector holds nothing of the flow: its state is another's until the next datagram, and what is
  /// known of the flow stays with the flow. A query and its answer are over in a moment, their flow only
  /// after its timeout.
  mutating func park(_ state: UnsafeMutablePointer<FlowState>) {
    let app = core.flows.app + Int(state.pointee.entry)
    // The flow keeps the number of its records: where it is not that of its transactions, or too large, the
    // next one's would not be known any more. Of a flow without records nobody asks for it.
    let isUnpublished =
      core.flows.hot[Int(state.pointee.entry)].flags & FlowFlags.unpublished != 0
    guard app.pointee.transactions < .max, state.pointee.datagrams == 0,
      UInt32(app.pointee.transactions) == state.pointee.transactions || isUnpublished
    else { return }
    core.states.giveBack(app.pointee.state)
    app.pointee.state = 0
  }

  /// The flow ends; returns what was wrong with it, and writes which packet was the last that said
  /// something: see ``PayloadHook/ended``.
  mutating func end(_ entry: UInt32, _ mark: UnsafeMutablePointer<PayloadMark>) -> UInt64 {
    core.noted = 0
    let app = core.flows.app + Int(entry)
    guard app.pointee.state != 0 else {
      tellAnnounced(entry)
      return core.noted
    }
    let state = core.states.at(app.pointee.state)
    mark.pointee.time = state.pointee.lastTime
    mark.pointee.ordinal = state.pointee.lastOrdinal
    mark.pointee.side = state.pointee.lastSide
    finish(state)
    return core.noted
  }

  /// Nothing more will come: what waits is delivered, and both directions are closed.
  mutating func finish(_ state: UnsafeMutablePointer<FlowState>) {
    if core.flows.hot[Int(state.pointee.entry)].key.proto == IPProtocol.tcp {
      if state.pointee.proto == AppProtocol.unknown.rawValue, beginIfAnnounced(state) {
        feedBoth(state)
      }
      if isLive(state) { endStreams(state) }
    }
    // The ends of streams may have had the dissector say that it has all it wants.
    if isLive(state) { release(state) }
  }

  /// What waits of either direction, now that it is known what it is.
  private mutating func feedBoth(_ state: UnsafeMutablePointer<FlowState>) {
    for number in 0..<UInt8(2) {
      let side = Self.side(state, number)
      if isLive(state), side.pointee.carryCount > 0 {
        feedCarried(state, side, number == state.pointee.clientSide)
      }
    }
  }

  /// A connection that nobody looks at any more, since it fits nothing: another worker may have learned
  /// meanwhile what it was for.
  private mutating func tellAnnounced(_ entry: UInt32) {
    let hot = core.flows.hot + Int(entry)
    let app = core.flows.app + Int(entry)
    let histories = hot.pointee.sideA.history | hot.pointee.sideB.history
    guard hot.pointee.key.proto == IPProtocol.tcp, histories & HistoryBits.data != 0,
      app.pointee.proto == AppProtocol.failed.rawValue,
      core.announcements.mayHave(began: core.flows.cold[Int(entry)].firstSeen)
    else { return }
    let number = core.states.take()
    guard number != 0 else { return core.counters.add(.dissectionNoState) }
    let state = core.states.at(number)
    state.pointee.entry = entry
    state.pointee.clientSide = hot.pointee.flags & FlowFlags.originatorIsB != 0 ? 1 : 0
    state.pointee.began = core.flows.cold[Int(entry)].firstSeen
    state.pointee.lastTime = hot.pointee.lastSeen
    state.pointee.lastOrdinal = core.flows.cold[Int(entry)].ordinal
    if beginIfAnnounced(state) { endDissector(state) }
    core.states.giveBack(number)
  }

  /// Nobody looks at the flow any more: it costs what a flow costs.
  mutating func release(_ state: UnsafeMutablePointer<FlowState>) {
    let entry = Int(state.pointee.entry)
    let app = core.flows.app + entry
    guard app.pointee.state != 0 else { return }
    endDissector(state)
    dropStreams(state)
    if state.pointee.datagrams > 0 { dropFragments(of: state.pointee.entry) }
    settleFailed(state)
    app.pointee.missing = state.pointee.sideA.missing &+ state.pointee.sideB.missing
    core.states.giveBack(app.pointee.state)
    app.pointee.state = 0
    letGo(entry)
  }

  /// No dissector wants the flow's payload from here on.
  private func letGo(_ entry: Int) {
    if core.settings.keepsStreams {
      core.flows.app[entry].flags |= FlowApp.Flags.settled
    } else {
      core.flows.hot[entry].flags &= ~FlowFlags.payloadWanted
    }
  }

  /// What it speaks is none of what is known here.
  private mutating func settleFailed(_ state: UnsafeMutablePointer<FlowState>) {
    let app = core.flows.app + Int(state.pointee.entry)
    guard app.pointee.proto == AppProtocol.unknown.rawValue else { return }
    app.pointee.proto = AppProtocol.failed.rawValue
    app.pointee.expected = state.pointee.expected
  }

  /// The protocol is known: from here on its dissector has the flow.
  mutating func assign(_ proto: AppProtocol, _ state: UnsafeMutablePointer<FlowState>) {
    let app = core.flows.app + Int(state.pointee.entry)
    if app.pointee.proto != AppProtocol.unknown.rawValue
      && app.pointee.proto != AppProtocol.failed.rawValue
      && app.pointee.proto != proto.rawValue && app.pointee.original == 0
    {
      app.pointee.original = app.pointee.proto
    }
    state.pointee.proto = proto.rawValue
    app.pointee.proto = proto.rawValue
    let expected = state.pointee.expected
    app.pointee.expected =
      expected != 0 && expected != proto.rawValue && app.pointee.original == 0 ? expected : 0
    if state.pointee.isOwnUsed { clearOwn(state) }
    state.pointee.isOwnUsed = true
  }

  /// Zeros where a dissector had its own.
  @inline(never)
  func clearOwn(_ state: UnsafeMutablePointer<FlowState>) {
    UnsafeMutableRawPointer(state).advanced(by: FlowState.ownOffset).initializeMemory(
      as: UInt64.self, repeating: 0, count: FlowState.ownBytes / 8)
    state.pointee.isOwnUsed = false
  }

  /// What a dissector is called with.
  @inline(__always)
  mutating func delivery(
    _ state: UnsafeMutablePointer<FlowState>, toServer: Bool
  ) -> Delivery {
    // The dissection lies where its owner put it: the address of its core holds beyond the call.
    let core = withUnsafeMutablePointer(to: &core) { $0 }
    return Delivery(
      core: core, flow: state, isToServer: toServer, time: state.pointee.lastTime,
      ordinal: state.pointee.lastOrdinal)
  }
}
