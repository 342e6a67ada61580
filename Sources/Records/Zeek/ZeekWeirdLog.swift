package import FlowEngine

/// Writes anomaly records as Zeek's weird.log: what is odd about packets, tied to conn.log by `uid`.
///
/// `name` is EVE's `anomaly.event`; `source` the part of it that found the oddity. A packet that is in no
/// flow has no `uid`, and no addresses where they cannot be read.
package struct ZeekWeirdEncoder: ~Copyable {
  private let identity: FlowIdentity
  private let peer: String

  package init(context: RecordContext) {
    identity = FlowIdentity(sensorName: context.sensorName)
    peer = context.sensorName
  }

  private static let fields: [(name: String, type: String)] = [
    ("ts", "time"), ("uid", "string"), ("id.orig_h", "addr"), ("id.orig_p", "port"),
    ("id.resp_h", "addr"), ("id.resp_p", "port"), ("name", "string"), ("addl", "string"),
    ("notice", "bool"), ("peer", "string"), ("source", "string"),
  ]

  /// The lines in front of the records; `openedNanoseconds` since 1970 becomes `#open`, in UTC.
  package func header(openedNanoseconds: Int64) -> [UInt8] {
    ZeekLog.header(path: "weird", openedNanoseconds, Self.fields)
  }

  /// The line behind the records.
  package func footer(closedNanoseconds: Int64) -> [UInt8] {
    ZeekLog.footer(closedNanoseconds)
  }

  /// Appends the line of an anomaly, its end included; nothing for any other record.
  package func encode(_ record: UnsafePointer<FlowRecord>, into bytes: inout [UInt8]) {
    guard record.pointee.isAnomaly else { return }
    let view = AnomalyView(record, identity: identity)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.longestLine) { scratch in
      let start = scratch.baseAddress.unsafelyUnwrapped
      var writer = ByteWriter(start)
      write(view, to: &writer)
      bytes.append(contentsOf: UnsafeBufferPointer(start: start, count: writer.cursor - start))
    }
    bytes += "\t-\tF\t\(peer)\t\(view.layer.rawValue)\n".utf8
  }

  /// A time of 18 characters, two addresses of 39, an identifier, ports and a name are below 250.
  private static let longestLine = 320

  private func write(_ view: AnomalyView, to writer: inout ByteWriter) {
    let record = view.record
    writer.seconds(nanoseconds: record.pointee.exportTime)
    writer.tab()
    if view.hasFlow {
      writer.uid(identity.connectionID(key: record.pointee.hot.key, cold: record.pointee.cold))
    } else {
      writer.byte(UInt8(ascii: "-"))
    }
    // Of the flow, originator first: as Zeek has it, whichever side sent the packet.
    let ends =
      record.pointee.originatorIsB
      ? (record.pointee.endpointB, record.pointee.endpointA)
      : (record.pointee.endpointA, record.pointee.endpointB)
    for end in [ends.0, ends.1] {
      writer.tab()
      if view.hasKey {
        writer.address(end.address, version: end.address.isMappedV4 ? 4 : 6)
        writer.tab()
        writer.decimal(view.hasPorts || record.pointee.isICMP ? end.port : 0)
      } else {
        writer.literal("-\t-")
      }
    }
    writer.tab()
    writer.literal(view.event)
  }
}
