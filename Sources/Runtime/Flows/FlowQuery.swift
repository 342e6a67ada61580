import FlowEngine
import Records

/// What is done with the flows of a scan. Called by whoever conducts it, one call at a time, and read by
/// who asked when the scan is over.
protocol FlowQuery: AnyObject, Sendable {
  /// It goes by what flows have moved lately, or shows it.
  var wantsRates: Bool { get }
  /// It need not see more.
  var isSatisfied: Bool { get }
  /// Which flows are to end now, by worker.
  var kills: [Int: [ScanPage.Kill]] { get }

  func take(_ flow: SeenFlow)

  /// How many of ``kills`` were still there and have ended.
  func noteKilled(_ count: UInt64)
}

extension FlowQuery {
  var wantsRates: Bool { false }
  var isSatisfied: Bool { false }
  var kills: [Int: [ScanPage.Kill]] { [:] }
  func noteKilled(_ count: UInt64) {}
}

/// One flow of a scan, valid during the call.
struct SeenFlow {
  let flow: UnsafePointer<ScannedFlow>
  /// What its rates are over, in seconds; 0 where there was no interval yet.
  let interval: Double

  var record: UnsafePointer<FlowRecord> {
    // The record is its beginning.
    UnsafeRawPointer(flow).assumingMemoryBound(to: FlowRecord.self)
  }

  var worker: Int { Int(record.pointee.worker) }
  var bytes: UInt64 { record.pointee.hot.sideA.bytes &+ record.pointee.hot.sideB.bytes }
  var packets: UInt64 { record.pointee.hot.sideA.packets &+ record.pointee.hot.sideB.packets }

  /// Since the first packet, and since the latest one.
  var ageSeconds: Double { seconds(record.pointee.cold.firstSeen) }
  var idleSeconds: Double { seconds(record.pointee.hot.lastSeen) }

  private func seconds(_ time: Int64) -> Double {
    max(Double(record.pointee.exportTime &- time) / 1e9, 0)
  }

  /// What the flow's rates are over: a flow younger than the interval is rated over its own time, but for at
  /// least a second, so that two packets a microsecond apart are no gigabit.
  private var period: Double { max(min(interval, max(ageSeconds, 1)), 0.001) }

  var bitsPerSecond: Double {
    interval > 0 ? Double(flow.pointee.intervalBytes) * 8 / period : 0
  }

  var packetsPerSecond: Double {
    interval > 0 ? Double(flow.pointee.intervalPackets) / period : 0
  }
}

/// Looks at nothing: the scan is run for the interval that it begins.
final class NoQuery: FlowQuery {
  var wantsRates: Bool { true }
  func take(_ flow: SeenFlow) {}
}
