// What is done while a worker samples: packets of flows that are not in the sample are counted, given
// back and forgotten before the table is asked. Nothing of it runs while everything is kept.

extension FlowWorker {
  /// Exponent of the sampling interval: of 2^shift flows one is kept; 0 keeps all. Between two bursts.
  package var samplingShift: UInt32 { tracker.sampler.shift }

  package mutating func setSamplingShift(_ shift: UInt32, now: Int64) {
    if shift > tracker.sampler.shift { counters.add(.samplingRaised) }
    tracker.sampler.set(shift, now: now)
  }

  /// Takes packets out of a burst that is parsed and not yet looked up. Packets of other workers have
  /// left it: those decide themselves, by their own load.
  @inline(never)
  mutating func sampleBurst(_ count: Int) {
    for i in 0..<count where parsed[i].verdict == PacketVerdict.flow {
      _ = sampleOut(parsed + i)
    }
  }

  /// The same for what another worker has handed over.
  @inline(never)
  mutating func sampleHandoffs(_ ring: Ring<ParsedPacket>, _ count: Int) {
    for i in 0..<count where ring.peek(i).pointee.verdict == PacketVerdict.flow {
      _ = sampleOut(ring.peek(i))
    }
  }

  /// Counts a packet that is not in the sample and gives it back; false where it is in it.
  @inline(__always)
  mutating func sampleOut(_ p: UnsafeMutablePointer<ParsedPacket>) -> Bool {
    if tracker.sampler.keeps(p.pointee.hash) { return false }
    counters.add(.sampledOut)
    releases.append(p.pointee.handle)
    p.pointee.verdict = PacketVerdict.done
    return true
  }
}
