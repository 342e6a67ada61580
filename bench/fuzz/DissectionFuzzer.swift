// Dissectors and reassembly under libFuzzer and the address sanitizer: `make fuzz`.
//
// MARTLET_FUZZ_TARGET is the name of a protocol, whose dissector gets the input without being probed for,
// `any`, where the probes say whose it is, `streams` (``StreamFuzzer``), or `seeds`, which makes inputs out
// of captures.
//
// | 1 transport and settings | then for each piece: how 1, length 1, bytes |
//
//     settings  bit 0 UDP where the protocol has both, 1 headers only, 2 files are hashed, 3-4 overlap
//               policy, 5 hidden records, 6 the client is end point B
//     how       bit 0 to the client, 1 eight times as long, 2-4 what comes before it: 0-2 nothing, 3 bytes
//               that are never seen, 4 bytes that come after it, 5 bytes that came before it, 6 a jump,
//               7 its end was not captured; 5 FIN behind it, 6 acknowledges all, 7 a later time

import CBurst
import FuzzDriver
import Glibc
import Ports
import Records

@testable import Dissection
@testable import FlowEngine

enum DissectionFuzzer {
  static let proto: AppProtocol? = {
    let name = fuzzTargetName
    if name == "any" || name == "seeds" || name == "streams" { return nil }
    guard let proto = AppProtocol.named(name) else {
      complain("MARTLET_FUZZ_TARGET is a protocol's name, any, streams or seeds\n")
      exit(64)
    }
    return proto
  }()

  /// Those that exist over UDP alone.
  static func isOverUDP(_ proto: AppProtocol) -> Bool {
    switch proto {
    case .quic, .dhcp, .dhcpv6, .ntp, .snmp, .tftp, .mdns, .llmnr, .wireguard, .rtp, .rtcp: true
    default: false
    }
  }

  static func isOverBoth(_ proto: AppProtocol) -> Bool {
    switch proto {
    case .dns, .sip, .kerberos, .ldap, .nfs, .syslog, .stun, .openvpn, .bittorrent, .dnp3, .dcerpc:
      true
    default: false
    }
  }

  static let isStreams = fuzzTargetName == "streams"

  private nonisolated(unsafe) static let bed = DissectionFuzzBed()

  static func run(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard bytes.count > 1 else { return }
    let settings = bytes[0]
    let isUDP =
      proto.map { isOverUDP($0) || (isOverBoth($0) && settings & 1 != 0) }
      ?? (settings & 1 != 0)
    bed.begin(settings, isUDP: isUDP, proto: proto)
    var place = 1
    while place + 2 <= bytes.count {
      let how = bytes[place]
      var length = Int(bytes[place + 1])
      if how & 2 != 0 { length *= 8 }
      place += 2
      length = min(length, bytes.count - place)
      // Memory of its own, so that a read behind the piece is seen.
      let piece = UnsafeMutablePointer<UInt8>.allocate(capacity: max(length, 1))
      if length > 0 { piece.update(from: bytes.baseAddress! + place, count: length) }
      place += length
      bed.give(piece, length, how)
      piece.deallocate()
    }
    bed.end()
  }
}

/// One flow in dissection, and nothing else.
final class DissectionFuzzBed {
  private let hot = UnsafeMutablePointer<FlowHot>.allocate(capacity: 1)
  private let cold = UnsafeMutablePointer<FlowCold>.allocate(capacity: 1)
  private let app = UnsafeMutablePointer<FlowApp>.allocate(capacity: 1)
  private let sequence = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
  private let dissection = UnsafeMutablePointer<Dissection>.allocate(capacity: 1)
  private let packet = UnsafeMutablePointer<ParsedPacket>.allocate(capacity: 1)
  private let counters: CounterBlock
  private let ring: ByteRing
  private var memory: UnsafeMutableRawPointer?
  private var memoryBytes = 0
  private var encoder: RecordEncoder
  private var batch = RecordBatch(format: .eve)
  private var flatEncoder: RecordEncoder
  private var flatBatch = RecordBatch(format: .fields)
  /// Zeek's, which take the hidden ones, too.
  private var logs: EventLogs
  private var isUDP = false
  private var proto: AppProtocol?
  private var next: (UInt32, UInt32) = (0, 0)
  private var time: Int64 = 0
  private var client: UInt8 = 0
  /// What each record says, and what was wrong, where that is asked for.
  var keepsRecords = false
  private(set) var records: [[UInt8]] = []
  private(set) var said: [String] = []
  private(set) var noted: UInt64 = 0

  init() {
    let count = MemoryLayout<FlowHot>.size
    UnsafeMutableRawPointer(hot).initializeMemory(as: UInt8.self, repeating: 0, count: count)
    UnsafeMutableRawPointer(cold).initializeMemory(
      as: UInt8.self, repeating: 0, count: MemoryLayout<FlowCold>.size)
    UnsafeMutableRawPointer(packet).initializeMemory(
      as: UInt8.self, repeating: 0, count: MemoryLayout<ParsedPacket>.stride)
    app.initialize(to: FlowApp())
    sequence.initialize(to: 0)
    func zeroed(_ bytes: Int) -> UnsafeMutableRawPointer {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 128)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
      return memory
    }
    counters = CounterBlock(memory: zeroed(CounterBlock.byteCount))
    ring = ByteRing(memory: zeroed(ByteRing.byteCount(capacity: 1 << 20)), capacity: 1 << 20)
    var context = RecordContext(
      sensorName: "fuzz", startEpochNanoseconds: 0, portNames: [])
    context.events = Dissection.schema
    encoder = RecordEncoder(context: context, format: .eve)
    flatEncoder = RecordEncoder(context: context, format: .fields)
    logs = EventLogs(context)
  }

  func begin(_ byte: UInt8, isUDP: Bool, proto: AppProtocol?) {
    var settings = DissectionSettings()
    settings.flowCapacity = 2
    settings.bufferBytes = 512 << 10
    settings.heldBytesPerDirection = 64 << 10
    settings.isHeaderOnly = byte & 2 != 0
    settings.hashesFiles = byte & 4 != 0
    settings.overlapPolicy = OverlapPolicy.allCases[Int(byte >> 3 & 3)]
    settings.wantsHiddenRecords = byte & 32 != 0
    client = byte >> 6 & 1
    self.isUDP = isUDP
    self.proto = proto
    var key = FlowKey(
      addressA: IPAddress(v4: 0x0a00_0001), addressB: IPAddress(v4: 0x0a00_0002), portA: 40_000,
      portB: 40_001, proto: isUDP ? IPProtocol.udp : IPProtocol.tcp, flags: 0)
    if client == 1 { swap(&key.portA, &key.portB) }
    hot.pointee.key = key
    hot.pointee.flags =
      FlowFlags.live | FlowFlags.payloadWanted | (client == 1 ? FlowFlags.originatorIsB : 0)
    // Both SYNs were seen.
    hot.pointee.sideA.history = HistoryBits.syn
    hot.pointee.sideB.history = HistoryBits.syn
    cold.pointee.startA = 0xffff_ff00
    cold.pointee.startB = 0x0000_1000
    next = (0xffff_ff01, 0x0000_1001)
    hot.pointee.sideA.nextSequence = next.0
    hot.pointee.sideB.nextSequence = next.1
    time = 1_700_000_000_000_000_000
    (records, said, noted) = ([], [], 0)
    app.pointee = FlowApp()
    let flows = FlowAccess(hot: hot, cold: cold, app: app, sequence: sequence)
    var sum = MemoryPlan()
    let added = Dissection.shared(workers: 1, plan: &sum)
    let empty = Dissection(
      settings, plan: &sum, touch: false, flows: flows, counters: counters, ring: ring, worker: 0,
      shared: added, waits: false)
    _ = consume empty
    // What decompressors take hangs on the settings.
    if sum.total > memoryBytes {
      memory?.deallocate()
      memory = .allocate(byteCount: sum.total, alignment: 128)
      memoryBytes = sum.total
    }
    memory!.initializeMemory(as: UInt8.self, repeating: 0, count: sum.total)
    var plan = MemoryPlan(memory: memory!)
    let shared = Dissection.shared(workers: 1, plan: &plan)
    dissection.initialize(
      to: Dissection(
        settings, plan: &plan, touch: true, flows: flows, counters: counters, ring: ring,
        worker: 0, shared: shared, waits: false))
  }

  func give(_ bytes: UnsafeMutablePointer<UInt8>, _ length: Int, _ how: UInt8) {
    let isBack = how & 1 != 0
    let side = isBack ? 1 &- client : client
    let mine = side == 0 ? next.0 : next.1
    time += how & 0x80 != 0 ? 30_000_000_000 : 1_000_000
    var at = mine
    var wire = length
    var moves = true
    switch how >> 2 & 7 {
    case 3: at &+= 100
    case 4:
      at &+= UInt32(length)
      moves = false
    case 5: at &-= UInt32(length / 2)
    case 6: at &+= 0x0100_0000
    case 7: wire = length + 50
    default: break
    }
    show(bytes, length, wire: wire, at, side, how)
    if moves {
      let end = at &+ UInt32(wire)
      if side == 0 { next.0 = end } else { next.1 = end }
    } else {
      // What was left out follows.
      show(bytes, length, wire: length, mine, side, how & ~0x20)
      let end = mine &+ UInt32(2 * length)
      if side == 0 { next.0 = end } else { next.1 = end }
    }
  }

  /// The port that is not the client's.
  var serverPort: UInt16 = 40_001 {
    didSet {
      if client == 0 {
        hot.pointee.key.portB = serverPort
      } else {
        hot.pointee.key.portA = serverPort
      }
    }
  }

  /// Some bytes of a piece, as a segment of their own: in memory of its own, so that a read behind it is seen.
  func show(_ piece: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, toClient: Bool) {
    let side = toClient ? 1 &- client : client
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: max(range.count, 1))
    defer { bytes.deallocate() }
    if let base = piece.baseAddress {
      bytes.update(from: base + range.lowerBound, count: range.count)
    }
    let start = side == 0 ? next.0 : next.1
    show(
      bytes, range.count, wire: range.count, start &+ UInt32(range.lowerBound), side, 0x40)
  }

  /// A piece is there as a whole.
  func move(_ count: Int, toClient: Bool) {
    let side = toClient ? 1 &- client : client
    if side == 0 { next.0 &+= UInt32(count) } else { next.1 &+= UInt32(count) }
  }

  private func show(
    _ bytes: UnsafeMutablePointer<UInt8>, _ length: Int, wire: Int, _ at: UInt32, _ side: UInt8,
    _ how: UInt8
  ) {
    guard hot.pointee.flags & FlowFlags.payloadWanted != 0 else { return }
    packet.pointee.key = hot.pointee.key
    packet.pointee.time = time
    packet.pointee.side = side
    packet.pointee.sequence = at
    packet.pointee.acknowledgement = side == 0 ? next.1 : next.0
    packet.pointee.payloadLength = UInt32(wire)
    packet.pointee.captured = UInt32(length)
    packet.pointee.payloadOffset = 0
    packet.pointee.data = UnsafePointer(bytes)
    packet.pointee.tcpFlags =
      (how & 0x40 != 0 ? TCPFlags.ack : 0) | (how & 0x20 != 0 ? TCPFlags.fin : 0)
    packet.pointee.ordinal &+= 1
    if let proto, app.pointee.state == 0, wire > 0 {
      dissection.pointee.beginForced(0, packet, proto)
    }
    follow(side, at &+ UInt32(wire) &+ (how & 0x20 != 0 ? 1 : 0))
    noted |= dissection.pointee.show(0, packet)
    drain()
  }

  /// As the tracker does, before dissection is shown a packet.
  private func follow(_ side: UInt8, _ end: UInt32) {
    let before = side == 0 ? hot.pointee.sideA.nextSequence : hot.pointee.sideB.nextSequence
    guard Int32(bitPattern: end &- before) > 0 else { return }
    if side == 0 {
      hot.pointee.sideA.nextSequence = end
    } else {
      hot.pointee.sideB.nextSequence = end
    }
  }

  func end() {
    var mark = PayloadMark(time: time, ordinal: 0, side: 0)
    noted |= dissection.pointee.end(0, &mark)
    drain()
    precondition(app.pointee.state == 0, "a flow that is over has no state")
    precondition(dissection.pointee.core.states.used == 0, "states come back")
    precondition(dissection.pointee.core.blocks.usedBytes == 0, "buffers come back")
    dissection.deinitialize(count: 1)
  }

  /// Every record can be written down, in every form; a line of Zeek's is one line.
  private func drain() {
    while let message = ring.peek() {
      guard let event = EventRecord(message) else { fatalError("a message is a record") }
      encoder.encode(event, into: &batch)
      if keepsRecords {
        records.append([event.head.type] + event.tokens)
        said.append(String(decoding: batch.bytes, as: UTF8.self))
      }
      for entry in batch.entries {
        let first = batch.bytes[entry.offset]
        let last = batch.bytes[entry.offset + entry.length - 1]
        precondition(first == UInt8(ascii: "{") && last == UInt8(ascii: "}"), "an object")
      }
      batch.bytes.removeAll(keepingCapacity: true)
      batch.entries.removeAll(keepingCapacity: true)
      flatEncoder.encode(event, into: &flatBatch)
      flatBatch.bytes.removeAll(keepingCapacity: true)
      flatBatch.entries.removeAll(keepingCapacity: true)
      if let number = logs.take(event) {
        for byte in logs.lines[number].bytes {
          precondition(byte >= 0x20 && byte != 0x7f || byte == 0x0a || byte == 0x09, "a control")
        }
        logs.lines[number].clear()
      }
      ring.release(message)
    }
  }
}

extension Dissection {
  /// As with the first payload of a flow, whose protocol is known from elsewhere.
  mutating func beginForced(
    _ entry: UInt32, _ packet: UnsafePointer<ParsedPacket>, _ proto: AppProtocol
  ) {
    guard begin(entry, packet) else { return }
    let state = core.states.at(core.flows.app[Int(entry)].state)
    assign(proto, state)
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  let bytes = UnsafeBufferPointer(start: data, count: size)
  if DissectionFuzzer.isStreams { StreamFuzzer.run(bytes) } else { DissectionFuzzer.run(bytes) }
  return 0
}

@_cdecl("martlet_fuzz_dissection_main")
func entry(_ count: Int32, _ arguments: Arguments) -> Int32 {
  if let words = wordsForSeeds(count, arguments) { return DissectionSeeds.make(words) }
  _ = DissectionFuzzer.proto
  return drive(count, arguments) { fuzz($0, $1) }
}
