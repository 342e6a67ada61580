// Counters of a view: those of now less those of the baseline. What is a state and no counter (flows
// that are live, packets that are held, backlogs, shares, rates) is as it is.
//
// A packet belongs to a view when it was *accounted for* since the baseline. So packets that were held
// (in rings, in the fragment cache) when the view began are received in it, and the balance holds for
// the view as it holds for the truth: its difference is the truth's own. The same goes for a sink's
// records: those of the backlog then are accepted in the view.

import ControlAPI

extension EngineStats {
  /// What is kept of a reading to subtract it: received packets as far as they were accounted for, and
  /// accepted records as far as they were delivered or dropped.
  var asBaseline: EngineStats {
    var baseline = self
    baseline.totals.received =
      totals.countedInFlows &+ totals.filtered &+ totals.nonIP.total &+ totals.discarded.total
    for index in workers.indices {
      let account = workers[index].account
      baseline.workers[index].account.received =
        account.countedInFlows &+ account.filtered &+ account.nonIP.total
        &+ account.discarded.total &+ account.handedOut &- account.handedIn
    }
    for index in sinks.indices {
      baseline.sinks[index].accepted = sinks[index].delivered &+ sinks[index].droppedError
    }
    return baseline
  }

  /// - Parameter baseline: ``asBaseline`` of an earlier reading.
  func since(_ baseline: EngineStats) -> EngineStats {
    var view = self
    view.totals = totals.since(baseline.totals)
    for index in workers.indices {
      guard let earlier = baseline.workers.first(where: { $0.index == workers[index].index })
      else { continue }
      view.workers[index] = workers[index].since(earlier)
    }
    for index in ports.indices {
      guard let earlier = baseline.ports.first(where: { $0.name == ports[index].name })
      else { continue }
      view.ports[index] = ports[index].since(earlier)
    }
    for index in sinks.indices where index < baseline.sinks.count {
      // Names of sinks may be the same; their order is the configuration's and does not change.
      view.sinks[index] = sinks[index].since(baseline.sinks[index])
    }
    view.conservation.received = view.totals.received
    view.conservation.accountedFor =
      view.totals.received &- UInt64(bitPattern: conservation.difference)
    return view
  }
}

/// A counter that is less than it was has begun again, as a port's may when the port does.
private func grown(_ now: UInt64, _ then: UInt64) -> UInt64 { now >= then ? now &- then : now }

private func grown(_ now: [Counter], _ then: [Counter]) -> [Counter] {
  now.map { Counter($0.name, grown($0.value, then.value($0.name))) }
}

extension PacketAccount {
  fileprivate func since(_ then: PacketAccount) -> PacketAccount {
    var view = self
    // Wraps where packets were accounted for that this reading, a moment apart, has not received yet.
    view.received = received &- then.received
    view.receivedBytes = grown(receivedBytes, then.receivedBytes)
    view.handedOut = grown(handedOut, then.handedOut)
    view.handedIn = grown(handedIn, then.handedIn)
    view.filtered = grown(filtered, then.filtered)
    view.nonIP = grown(nonIP, then.nonIP)
    view.discarded = grown(discarded, then.discarded)
    view.countedInFlows = grown(countedInFlows, then.countedInFlows)
    view.flowsCreated = grown(flowsCreated, then.flowsCreated)
    view.flowsExpired = grown(flowsExpired, then.flowsExpired)
    view.evicted = grown(evicted, then.evicted)
    view.recordsMade = grown(recordsMade, then.recordsMade)
    view.recordsDropped = grown(recordsDropped, then.recordsDropped)
    view.dissection = dissection.since(then.dissection)
    if Int64(bitPattern: view.received) < 0 { view.received = 0 }
    return view
  }
}

extension DissectionAccount {
  fileprivate func since(_ then: DissectionAccount) -> DissectionAccount {
    var view = self
    view.flows = grown(flows, then.flows)
    view.noState = grown(noState, then.noState)
    view.noMemory = grown(noMemory, then.noMemory)
    view.payloads = grown(payloads, then.payloads)
    view.payloadBytes = grown(payloadBytes, then.payloadBytes)
    view.streamGaps = grown(streamGaps, then.streamGaps)
    view.streamGapBytes = grown(streamGapBytes, then.streamGapBytes)
    view.recordsMade = grown(recordsMade, then.recordsMade)
    view.recordsDropped = grown(recordsDropped, then.recordsDropped)
    return view
  }
}

extension WorkerStats {
  fileprivate func since(_ then: WorkerStats) -> WorkerStats {
    var view = self
    view.account = account.since(then.account)
    view.counters = grown(counters, then.counters)
    view.busySeconds = max(0, busySeconds - then.busySeconds)
    view.asleepSeconds = max(0, asleepSeconds - then.asleepSeconds)
    view.emptyPolls = grown(emptyPolls, then.emptyPolls)
    view.sleeps = grown(sleeps, then.sleeps)
    view.wakeUps = grown(wakeUps, then.wakeUps)
    return view
  }
}

extension PortStats {
  fileprivate func since(_ then: PortStats) -> PortStats {
    var view = self
    view.receivedPackets = grown(receivedPackets, then.receivedPackets)
    view.receivedBytes = grown(receivedBytes, then.receivedBytes)
    view.missed = grown(missed, then.missed)
    view.noMbuf = grown(noMbuf, then.noMbuf)
    view.errors = grown(errors, then.errors)
    view.xstats = grown(xstats, then.xstats)
    return view
  }
}

extension SinkStats {
  fileprivate func since(_ then: SinkStats) -> SinkStats {
    var view = self
    view.accepted = grown(accepted, then.accepted)
    view.delivered = grown(delivered, then.delivered)
    view.droppedQueueFull = grown(droppedQueueFull, then.droppedQueueFull)
    view.droppedSpoolFull = grown(droppedSpoolFull, then.droppedSpoolFull)
    view.droppedError = grown(droppedError, then.droppedError)
    view.droppedRefused = grown(droppedRefused, then.droppedRefused)
    view.droppedAtShutdown = grown(droppedAtShutdown, then.droppedAtShutdown)
    view.retries = grown(retries, then.retries)
    view.reordered = grown(reordered, then.reordered)
    view.retransmitted = grown(retransmitted, then.retransmitted)
    view.lostByRedis = grown(lostByRedis, then.lostByRedis)
    view.reconnects = grown(reconnects, then.reconnects)
    return view
  }
}
