import CBurst
import CPcap
import Filters
import FlowEngine

/// One expression over frames in memory: by Martlet's executor, and by libpcap's.
struct FilterBench {
  let storage: PacketFilterStorage
  let reference: bpf_program
  let packets: [martlet_packet]

  init(_ expression: String, frames: FrameSet, count: Int) throws {
    storage = PacketFilterStorage([(1, try FilterCompiler.compile(expression, linkType: 1))])
    let handle = pcap_open_dead(DLT_EN10MB, 262_144)
    var program = bpf_program()
    precondition(pcap_compile(handle, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0)
    pcap_close(handle)
    reference = program
    packets = (0..<count).map {
      var packet = martlet_packet()
      FeedQueue.describe(&packet, frames.memory + $0 % frames.count * FrameSet.frameBytes)
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
