import FlowEngine
import Foundation
import Testing

@testable import Records

/// A value whose every byte is zero, as the flow table makes new entries.
func zeroed<Value: BitwiseCopyable>(_ type: Value.Type) -> Value {
  withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { buffer in
    UnsafeMutableRawBufferPointer(buffer).initializeMemory(as: UInt8.self, repeating: 0)
    return buffer[0]
  }
}

/// The package's folder, where schema and reference are.
let packageFolder = URL(filePath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()

/// The captures with ground truth: `MARTLET_CAPTURES`, else beside the package; nil where absent.
func captures(_ path: String) -> URL? {
  let folder =
    ProcessInfo.processInfo.environment["MARTLET_CAPTURES"].map { URL(filePath: $0) }
    ?? packageFolder.appending(path: "../shared/captures").standardizedFileURL
  let url = folder.appending(path: path)
  guard FileManager.default.fileExists(atPath: url.path) else {
    print("SKIPPED: \(url.path) is not there; set MARTLET_CAPTURES to the folder of captures")
    return nil
  }
  return url
}

/// What a writer writes, as text.
func written(_ body: (inout ByteWriter) -> Void) -> String {
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
    var writer = ByteWriter(buffer.baseAddress!)
    body(&writer)
    let count = writer.cursor - buffer.baseAddress!
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}

/// An address by its text, through inet_pton.
func address(_ text: String) -> IPAddress {
  var v4 = in_addr()
  if inet_pton(AF_INET, text, &v4) == 1 { return IPAddress(v4: UInt32(bigEndian: v4.s_addr)) }
  var v6 = in6_addr()
  precondition(inet_pton(AF_INET6, text, &v6) == 1, "\(text) is no address")
  return withUnsafeBytes(of: v6) { bytes in
    IPAddress(
      high: UInt64(bigEndian: bytes.load(as: UInt64.self)),
      low: UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self)))
  }
}

/// The key of a packet from `source` to `destination`, in canonical order, and the side that sent it.
func key(
  _ proto: UInt8, _ source: String, _ sourcePort: UInt16, _ destination: String,
  _ destinationPort: UInt16, oneWay: Bool = false
) -> (key: FlowKey, side: UInt8) {
  let from = address(source)
  let to = address(destination)
  let fromIsA = from < to || (from == to && sourcePort <= destinationPort)
  var key = zeroed(FlowKey.self)
  key.addressA = fromIsA ? from : to
  key.addressB = fromIsA ? to : from
  key.portA = fromIsA ? sourcePort : destinationPort
  key.portB = fromIsA ? destinationPort : sourcePort
  key.proto = proto
  if source.contains(":") { key.flags |= FlowKey.Flags.ipv6 }
  if oneWay {
    key.flags |= FlowKey.Flags.oneWay | (fromIsA ? 0 : FlowKey.Flags.oneWayFromB)
  }
  return (key, fromIsA ? 0 : 1)
}

extension FlowRecord {
  /// Writes to the sides by role; the table writes them by end point.
  mutating func withSides(
    _ body: (_ originator: inout FlowSide, _ responder: inout FlowSide) -> Void
  ) {
    if originatorIsB {
      body(&hot.sideB, &hot.sideA)
    } else {
      body(&hot.sideA, &hot.sideB)
    }
  }

  /// Sets Zeek's history, and the bits and TCP flags that go with it.
  mutating func setHistory(_ text: String) {
    let letters: [Character: UInt16] = [
      "S": HistoryBits.syn, "H": HistoryBits.synAck, "A": HistoryBits.ack, "D": HistoryBits.data,
      "F": HistoryBits.fin, "R": HistoryBits.rst, "T": HistoryBits.retransmission,
      "W": HistoryBits.zeroWindow, "G": HistoryBits.gap, "C": HistoryBits.badChecksum,
      "I": HistoryBits.inconsistent,
    ]
    withSides { originator, responder in
      for letter in text {
        let bit = letters[Character(letter.uppercased())] ?? 0
        if letter.isUppercase { originator.history |= bit } else { responder.history |= bit }
      }
    }
    let bytes = Array(text.utf8.prefix(16))
    withUnsafeMutableBytes(of: &cold.historyText) { $0.copyBytes(from: bytes) }
    cold.historyLength = UInt8(bytes.count)
    if hot.key.proto == IPProtocol.tcp { setEndpointStates(text) }
  }

  /// The states that Zeek's end points are in after such a history: what the engine would have kept.
  private mutating func setEndpointStates(_ text: String) {
    let side: UInt8 = originatorIsB ? 1 : 0
    let has = { (letters: String) in text.contains { letters.contains($0) } }
    let answered = has("sh")
    var os = TCPEndpointState.inactive
    if has("S") {
      os = answered ? .established : .synSent
    } else if has("H") {
      os = answered ? .established : .synAckSent
    } else if has("AD") {
      os = answered ? .established : .partial
    }
    var rs = TCPEndpointState.inactive
    if answered {
      rs = .established
    } else if has("d") || (has("a") && os != .synSent) {
      rs = .partial
    }
    if has("F") { os = .closed }
    if has("f") { rs = .closed }
    // A side that sent its FIN before its RST has closed, where the other has closed too.
    func comesFirst(_ fin: Character, _ reset: Character) -> Bool {
      guard let a = text.firstIndex(of: fin), let b = text.firstIndex(of: reset) else {
        return false
      }
      return a < b
    }
    let bothClosed = os == .closed && rs == .closed
    if has("R") && !(bothClosed && comesFirst("F", "R")) { os = .reset }
    if has("r") && !(bothClosed && comesFirst("f", "r")) { rs = .reset }
    cold.kind = (0, 0, 0)
    cold.setTCPState(side, os)
    cold.setTCPState(1 - side, rs)
    // Data shows in sequence numbers.
    withSides { originator, responder in
      originator.nextSequence = has("D") ? 101 : 1
      responder.nextSequence = has("d") ? 101 : 1
    }
    (cold.startA, cold.startB) = (0, 0)
  }
}

let secondsOfTests: Int64 = 1_795_239_360  // 2026-11-21T05:36:00Z

/// A record of a flow from `source` to `destination` with packets both ways.
func flow(
  _ proto: UInt8, _ source: String, _ sourcePort: UInt16, _ destination: String,
  _ destinationPort: UInt16, oneWay: Bool = false
) -> FlowRecord {
  var record = FlowRecord(hot: zeroed(FlowHot.self), cold: zeroed(FlowCold.self))
  let (key, side) = key(
    proto, source, sourcePort, destination, destinationPort, oneWay: oneWay)
  record.hot.key = key
  record.hot.flags = FlowFlags.live | (side == 1 ? FlowFlags.originatorIsB : 0)
  record.hot.state = FlowState.established
  record.hot.lastSeen = secondsOfTests * 1_000_000_000 + 2_000_000_007
  record.cold.firstSeen = secondsOfTests * 1_000_000_000 + 123_456_789
  record.cold.firstReply = record.cold.firstSeen + 250_000
  if side == 1 { record.hot.flags |= FlowFlags.firstSideIsB }
  record.cold.ordinal = 17
  record.cold.vlanOuter = 0xffff
  record.cold.vlanInner = 0xffff
  record.cold.ttlA = 64
  record.cold.ttlB = 57
  record.cold.tosB = 0xb9
  record.exportTime = secondsOfTests * 1_000_000_000 + 62_000_000_000
  record.endReason = FlowEndReason.idleTimeout
  record.worker = 1
  record.sequence = 41
  record.withSides { originator, responder in
    (originator.packets, originator.bytes, originator.ipBytes) = (6, 700, 616)
    (responder.packets, responder.bytes, responder.ipBytes) = (4, 5000, 4944)
    (originator.window, responder.window) = (501, 509)
  }
  return record
}

let context = RecordContext(
  sensorName: "edge1", startEpochNanoseconds: 1_795_239_000_123_456_789,
  portNames: ["tap0", "tap1"])

/// One record of each kind that differs in shape, by name.
func sampleFlows() -> [(name: String, record: FlowRecord)] {
  var web = flow(IPProtocol.tcp, "192.168.1.52", 54585, "8.8.8.8", 443)
  web.setHistory("ShADadFf")
  web.hot.tcpFlagsA = 0x1b
  web.hot.tcpFlagsB = 0xdb
  web.hot.state = FlowState.closed
  web.endReason = FlowEndReason.endOfFlow
  web.cold.macA = (0x0100, 0x0302, 0x0504)
  web.cold.macB = (0xffff, 0xfffe, 0x1234)
  web.cold.vlanOuter = 100
  web.cold.vlanInner = 4095

  var update = web
  update.kind = FlowRecordKind.flowUpdate
  update.endReason = FlowEndReason.activeTimeout
  update.cold.updates = 3
  update.cold.reportedPacketsA = UInt48(2)
  update.cold.reportedBytesB = UInt48(100)
  update.cold.portIndex = 1

  var scan = flow(IPProtocol.tcp, "2001:db8::1", 40000, "2001:db8::2", 22)
  scan.setHistory("S")
  scan.hot.state = FlowState.new
  scan.withSides { $1 = FlowSide() }
  scan.cold.firstReply = 0
  scan.cold.vlanOuter = 5
  scan.cold.portIndex = 9
  scan.endReason = FlowEndReason.lackOfResources

  var echo = flow(IPProtocol.icmp, "10.0.0.9", 8, "10.0.0.1", 0)
  echo.cold.icmpType = 8
  echo.hot.flags |= FlowFlags.fragmented
  var unreachable = flow(IPProtocol.icmpv6, "fe80::9", 1, "fe80::1", 4, oneWay: true)
  unreachable.cold.icmpType = 1
  unreachable.cold.icmpCode = 4
  unreachable.withSides { $1 = FlowSide() }

  return [
    ("web", web), ("update", update), ("scan", scan), ("echo", echo),
    ("unreachable", unreachable),
    ("dns", flow(IPProtocol.udp, "2001:db8::35", 53000, "2001:db8::53", 53)),
    ("sctp", flow(IPProtocol.sctp, "192.168.170.8", 7, "192.168.170.56", 7)),
    ("esp", flow(IPProtocol.esp, "10.0.0.1", 0, "10.0.0.2", 0)),
    ("igmp", flow(IPProtocol.igmp, "10.0.0.1", 0, "224.0.0.22", 0)),
    ("nameless", flow(200, "10.0.0.1", 0, "10.0.0.2", 0)),
    ("extreme", extremeFlow()),
  ]
}

/// Every number at its largest: the longest record there can be.
func extremeFlow() -> FlowRecord {
  var record = FlowRecord(hot: zeroed(FlowHot.self), cold: zeroed(FlowCold.self))
  withUnsafeMutableBytes(of: &record) { bytes in
    for index in bytes.indices { bytes[index] = 0xff }
  }
  record.hot.key.addressA = address("1111:2222:3333:4444:5555:6666:7777:8888")
  record.hot.key.proto = IPProtocol.tcp
  record.hot.key.flags = FlowKey.Flags.ipv6
  record.hot.state = FlowState.established
  record.hot.lastSeen = .max
  record.cold.firstSeen = .min + 1
  record.cold.firstReply = -1
  record.exportTime = .max
  record.kind = FlowRecordKind.flowUpdate
  record.endReason = FlowEndReason.lackOfResources
  record.cold.vlanOuter = 4094
  record.cold.vlanInner = 4095
  record.cold.portIndex = 0
  record.cold.reportedPacketsA = UInt48(0)
  record.cold.reportedPacketsB = UInt48(0)
  record.cold.reportedBytesA = UInt48(0)
  record.cold.reportedBytesB = UInt48(0)
  record.cold.reportedIPBytesA = UInt48(0)
  record.cold.reportedIPBytesB = UInt48(0)
  record.tunnel.source = record.hot.key.addressA
  record.tunnel.destination = record.hot.key.addressA
  record.tunnel.kind = TunnelKind.vxlanGPE.rawValue
  record.setHistory("ShADadFfRrTtCcWw")
  return record
}

/// One record, encoded by an encoder of its own.
func encode(
  _ record: FlowRecord, _ format: RecordFormat = .eve, context: RecordContext = context
) -> (bytes: [UInt8], entry: RecordBatch.Entry) {
  var encoder = RecordEncoder(context: context, format: format)
  var batch = RecordBatch(format: format)
  withUnsafePointer(to: record) { encoder.encode($0, into: &batch) }
  return (batch.bytes, batch.entries[0])
}

func encode(_ stats: StatsRecord, _ format: RecordFormat = .eve, context: RecordContext = context)
  -> (bytes: [UInt8], entry: RecordBatch.Entry)
{
  var encoder = RecordEncoder(context: context, format: format)
  var batch = RecordBatch(format: format)
  encoder.encode(stats, into: &batch)
  return (batch.bytes, batch.entries[0])
}

func text(_ record: FlowRecord, context: RecordContext = context) -> String {
  String(decoding: encode(record, context: context).bytes, as: UTF8.self)
}

/// Read by Foundation, an implementation that is not ours.
func object(_ bytes: [UInt8]) throws -> [String: Any] {
  try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
}

/// Names and values of a `fields` record, read as Redis reads bulk strings.
func pairs(_ bytes: [UInt8]) throws -> [(name: String, value: String)] {
  var strings: [String] = []
  var rest = bytes[...]
  while !rest.isEmpty {
    #expect(rest.removeFirst() == UInt8(ascii: "$"))
    let end = try #require(rest.firstIndex(of: UInt8(ascii: "\r")))
    let digits = String(decoding: rest[..<end], as: UTF8.self)
    let length = try #require(Int(digits))
    #expect(digits == "\(length)", "Redis takes no leading zeros")
    rest = rest[(end + 2)...]
    strings.append(String(decoding: rest.prefix(length), as: UTF8.self))
    rest = rest.dropFirst(length)
    #expect(Array(rest.prefix(2)) == Array("\r\n".utf8))
    rest = rest.dropFirst(2)
  }
  #expect(strings.count.isMultiple(of: 2))
  return stride(from: 0, to: strings.count, by: 2).map { (strings[$0], strings[$0 + 1]) }
}

func sampleStats() -> StatsRecord {
  var stats = StatsRecord(timestampNanoseconds: secondsOfTests * 1_000_000_000)
  stats.uptimeSeconds = 360
  stats.receivedPackets = 1000
  stats.receivedBytes = 359_000
  stats.packetsInFlows = 900
  stats.filteredPackets = 20
  stats.heldPackets = 3
  stats.discarded = [.init("truncated_ipv4", 7), .init("handoff_ring_full", 0)]
  stats.notIP = [.init("arp", 60), .init("lldp", 10)]
  stats.anomalies = [.init("bad_udp_length", 1)]
  stats.flowsLive = 12
  stats.flowsCreated = 80
  stats.flowsEvicted = 2
  stats.flowsExported = 68
  stats.flowUpdates = 5
  stats.recordsMade = 73
  stats.recordsDropped = 1
  for (name, packets) in [("tap0", UInt64(700)), ("tap1", 300)] {
    var port = StatsRecord.Port(name: name)
    (port.packets, port.bytes, port.missed, port.noBuffer, port.errors) = (packets, 1, 4, 2, 1)
    stats.ports.append(port)
  }
  var sink = StatsRecord.Sink(name: "redis")
  (sink.accepted, sink.delivered, sink.backlog, sink.reconnects) = (72, 70, 2, 1)
  stats.sinks = [sink]
  for index in 0..<2 {
    var worker = StatsRecord.Worker(index: UInt16(index))
    (worker.packets, worker.flows) = (450, 6)
    stats.workers.append(worker)
  }
  return stats
}

/// Python where it has the library: `MARTLET_PYTHON`, else `python3`; nil, said aloud, where not.
func python(importing library: String) -> String? {
  let python = ProcessInfo.processInfo.environment["MARTLET_PYTHON"] ?? "python3"
  if (try? runPython(python, ["import \(library)"])) != nil { return python }
  print("SKIPPED: \(python) has no \(library); set MARTLET_PYTHON to one that has")
  return nil
}

/// What a Python program prints; `arguments` is the program and what it is given.
func runPython(_ python: String, _ arguments: [String]) throws -> String {
  struct Failed: Error {}
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = [python, "-c"] + arguments
  let output = Pipe()
  process.standardOutput = output
  process.standardError = FileHandle.nullDevice
  try process.run()
  let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  guard process.terminationStatus == 0 else { throw Failed() }
  return text
}
