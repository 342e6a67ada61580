/// Kinds of record a worker puts on its ring.
package enum FlowRecordKind {
  /// The flow has ended: its totals, once.
  @inlinable package static var flow: UInt8 { 1 }
  /// The flow lives on: totals so far and what has changed since the last update.
  @inlinable package static var flowUpdate: UInt8 { 2 }
}

/// Why a record was made, in the words of IPFIX's flowEndReason (RFC 5102, element 136).
package enum FlowEndReason {
  @inlinable package static var idleTimeout: UInt8 { 1 }
  @inlinable package static var activeTimeout: UInt8 { 2 }
  @inlinable package static var endOfFlow: UInt8 { 3 }
  @inlinable package static var forcedEnd: UInt8 { 4 }
  @inlinable package static var lackOfResources: UInt8 { 5 }
}

/// What goes over a worker's record ring: the flow as it stood in the table, 320 bytes.
///
/// The record keeps the table's canonical end points A and B. ``originator`` and ``responder`` say
/// which is which; encoders use those and never A and B.
@frozen
package struct FlowRecord: BitwiseCopyable, Sendable {
  package var hot: FlowHot
  package var cold: FlowCold
  /// When the record was made, nanoseconds since 1970 on the engine's clock.
  package var exportTime: Int64
  /// Counts per sensor, start epoch and worker, given before anything can drop the record.
  package var sequence: UInt64
  /// ``FlowRecordKind``
  package var kind: UInt8
  /// ``FlowEndReason``
  package var endReason: UInt8
  package var worker: UInt16
  /// `flow_update`: its ordinal within the flow, from 1.
  package var updateOrdinal: UInt32
  /// Packets held back or lost between table and record; reserved, zero.
  package var spare: (UInt64, UInt64, UInt64, UInt64, UInt64)

  @inlinable
  package init(hot: FlowHot, cold: FlowCold) {
    self.hot = hot
    self.cold = cold
    exportTime = 0
    sequence = 0
    kind = FlowRecordKind.flow
    endReason = 0
    worker = 0
    updateOrdinal = 0
    spare = (0, 0, 0, 0, 0)
  }
}

/// One end point's view of a record.
package struct FlowEndpoint: Sendable {
  package var address: IPAddress
  package var port: UInt16
  /// What this end point sent.
  package var packets: UInt64
  package var bytes: UInt64
  package var ipBytes: UInt64
  /// Of it, since the last `flow_update`.
  package var packetsDelta: UInt64
  package var bytesDelta: UInt64
  package var ipBytesDelta: UInt64
  package var tcpFlags: UInt8
  package var tcpWindow: UInt16
  package var ttl: UInt8
  package var trafficClass: UInt8
  package var mac: (UInt16, UInt16, UInt16)
}

extension FlowRecord {
  @inlinable
  package var originatorIsB: Bool { hot.flags & FlowFlags.originatorIsB != 0 }

  /// Who began the flow: by SYN, else the first packet, else the well-known port.
  package var originator: FlowEndpoint { originatorIsB ? endpointB : endpointA }
  package var responder: FlowEndpoint { originatorIsB ? endpointA : endpointB }

  package var endpointA: FlowEndpoint {
    FlowEndpoint(
      address: hot.key.addressA, port: hot.key.portA, packets: hot.sideA.packets,
      bytes: hot.sideA.bytes, ipBytes: hot.sideA.ipBytes,
      packetsDelta: hot.sideA.packets &- cold.reportedPacketsA,
      bytesDelta: hot.sideA.bytes &- cold.reportedBytesA,
      ipBytesDelta: hot.sideA.ipBytes &- cold.reportedIPBytesA, tcpFlags: hot.tcpFlagsA,
      tcpWindow: hot.sideA.window, ttl: cold.ttlA, trafficClass: cold.tosA, mac: cold.macA)
  }

  package var endpointB: FlowEndpoint {
    FlowEndpoint(
      address: hot.key.addressB, port: hot.key.portB, packets: hot.sideB.packets,
      bytes: hot.sideB.bytes, ipBytes: hot.sideB.ipBytes,
      packetsDelta: hot.sideB.packets &- cold.reportedPacketsB,
      bytesDelta: hot.sideB.bytes &- cold.reportedBytesB,
      ipBytesDelta: hot.sideB.ipBytes &- cold.reportedIPBytesB, tcpFlags: hot.tcpFlagsB,
      tcpWindow: hot.sideB.window, ttl: cold.ttlB, trafficClass: cold.tosB, mac: cold.macB)
  }
}
