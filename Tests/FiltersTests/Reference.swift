import CBurst
import CPcap
import FlowEngine
import Glibc

/// libpcap's own executor and validator over the same instructions.
enum Reference {
  static func instructions(_ program: [BPFInstruction]) -> [bpf_insn] {
    program.map { bpf_insn(code: $0.code, jt: $0.jt, jf: $0.jf, k: $0.k) }
  }

  /// What `bpf_filter` returns.
  static func verdict(_ program: [BPFInstruction], _ bytes: [UInt8], wire: Int? = nil) -> UInt32 {
    let instructions = instructions(program)
    return bytes.withUnsafeBufferPointer {
      // An array without elements has no address, which libpcap does not mind.
      bpf_filter(instructions, $0.baseAddress, UInt32(wire ?? bytes.count), UInt32(bytes.count))
    }
  }

  static func isValid(_ program: [BPFInstruction]) -> Bool {
    bpf_validate(instructions(program), Int32(program.count)) != 0
  }
}

/// What Martlet's executor returns of the same bytes.
func verdict(
  _ program: FilterProgram, _ bytes: [UInt8], wire: Int? = nil, linkType: UInt32 = 1
) -> UInt32 {
  let storage = PacketFilterStorage([(linkType, program)])
  return withExtendedLifetime(storage) {
    verdict(storage.filter, bytes, wire: wire, linkType: linkType)
  }
}

func verdict(
  _ filter: PacketFilter, _ bytes: [UInt8], wire: Int? = nil, linkType: UInt32 = 1
) -> UInt32 {
  bytes.withUnsafeBufferPointer {
    var packet = martlet_packet()
    packet.data = $0.baseAddress
    packet.captured_length = UInt32(bytes.count)
    packet.wire_length = UInt32(wire ?? bytes.count)
    packet.link_type = linkType
    return filter.verdict(&packet)
  }
}

/// A page between two that nobody may touch: a load outside of a packet ends the process.
final class GuardedPage {
  private static let page = Int(getpagesize())
  private let memory: UnsafeMutableRawPointer

  init() {
    memory = mmap(
      nil, 3 * Self.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    precondition(memory != MAP_FAILED, "mmap failed")
    precondition(mprotect(memory + Self.page, Self.page, PROT_READ | PROT_WRITE) == 0)
  }

  deinit { munmap(memory, 3 * Self.page) }

  /// The executor's verdict with the packet at the page's begin, and at its end; at most a page.
  func verdicts(_ filter: PacketFilter, _ bytes: [UInt8], wire: Int) -> [UInt32] {
    [0, Self.page - bytes.count].map { offset in
      let place = memory + Self.page + offset
      bytes.withUnsafeBytes {
        place.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(place), byteCount: $0.count)
      }
      var packet = martlet_packet()
      packet.data = UnsafePointer(place.assumingMemoryBound(to: UInt8.self))
      packet.captured_length = UInt32(bytes.count)
      packet.wire_length = UInt32(wire)
      packet.link_type = 1
      return filter.verdict(&packet)
    }
  }
}

/// A generator whose numbers are the same in every run: SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
