import CBurst
import CPcap
import Filters
import FlowEngine

/// Expressions over frames in memory: by Martlet's executor, and by libpcap's.
struct FilterPart {
  let options: Options
  let report: Report

  func run() throws {
    report.heading("Filters")
    var rows: [[String]] = []
    for expression in ["tcp port 80", "host 10.0.0.1", "net 10.0.0.0/8 and udp port 53"] {
      let bench = try FilterBench(expression, count: 4_096)
      let passes = max(1, options.packets / 4_096)
      let own = Rounds(options.rounds) { bench.martlet(rounds: passes) }
      let reference = Rounds(options.rounds) { bench.libpcap(rounds: passes) }
      rows.append([expression, own.text, reference.text])
    }
    report.table(["expression", "ticks a packet", "libpcap's bpf_filter"], rows)
  }
}

/// One expression over frames in memory: by Martlet's executor, and by libpcap's.
private struct FilterBench {
  let storage: PacketFilterStorage
  let reference: bpf_program
  let packets: [martlet_packet]
  private let memory: HugeMemory

  init(_ expression: String, count: Int) throws {
    storage = PacketFilterStorage([(1, try FilterCompiler.compile(expression, linkType: 1))])
    let handle = pcap_open_dead(DLT_EN10MB, 262_144)
    var program = bpf_program()
    precondition(pcap_compile(handle, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0)
    pcap_close(handle)
    reference = program
    let memory = HugeMemory(bytes: count * FrameWriter.longest)
    self.memory = memory
    packets = (0..<count).map { place in
      let frame = memory.start + place * FrameWriter.longest
      let length = Conversation.packet(FlowShape(place), step: 3, FrameWriter(frame: frame))
      var packet = martlet_packet()
      packet.data = UnsafePointer(frame.assumingMemoryBound(to: UInt8.self))
      packet.captured_length = UInt32(length)
      packet.wire_length = UInt32(length)
      packet.link_type = 1
      return packet
    }
  }

  /// Ticks a packet.
  @inline(never)
  func martlet(rounds: Int) -> Double {
    measure(rounds) { storage.filter.accepts($0) }
  }

  /// Ticks a packet.
  @inline(never)
  func libpcap(rounds: Int) -> Double {
    measure(rounds) {
      bpf_filter(
        reference.bf_insns, $0.pointee.data, $0.pointee.wire_length, $0.pointee.captured_length)
        != 0
    }
  }

  @inline(__always)
  private func measure(
    _ rounds: Int, _ accepts: (UnsafePointer<martlet_packet>) -> Bool
  ) -> Double {
    packets.withUnsafeBufferPointer { packets in
      var accepted = 0
      let begin = martlet_tsc()
      for _ in 0..<rounds {
        for i in 0..<packets.count where accepts(packets.baseAddress! + i) { accepted &+= 1 }
      }
      let ticks = martlet_tsc() &- begin
      // The count is used, so that the loop stays.
      precondition(accepted <= rounds * packets.count)
      return Double(ticks) / Double(rounds * packets.count)
    }
  }
}
