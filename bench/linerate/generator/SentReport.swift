import Foundation

/// What a generator has sent, flow by flow.
///
///     | "martlet-sent 1\n" | TCP, IPv6 of 65,536 | packets | ended | flows | (8 bytes each, this machine's order)
///     | packets of flow 0, 1, 2 … (4 bytes each) |
///
/// Packet k of a flow goes to the server where k is even.
struct SentReport {
  var plan: FlowPlan
  var packets: UInt64
  var ended: UInt32
  var counts: [UInt32]

  private static let magic = Array("martlet-sent 1\n\0".utf8)

  init(plan: FlowPlan, packets: UInt64, ended: UInt32, counts: [UInt32]) {
    self.plan = plan
    self.packets = packets
    self.ended = ended
    self.counts = counts
  }

  init(path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw BenchError("\(path): cannot be read")
    }
    let head = Self.magic.count + 40
    guard data.count >= head, Array(data.prefix(Self.magic.count)) == Self.magic else {
      throw BenchError("\(path): not what `martlet-linerate send` writes")
    }
    func word(_ index: Int) -> UInt64 {
      data.withUnsafeBytes {
        $0.loadUnaligned(fromByteOffset: Self.magic.count + 8 * index, as: UInt64.self)
      }
    }
    plan = FlowPlan(
      tcpShare: Double(word(0)) / 65_536, ipv6Share: Double(word(1)) / 65_536)
    packets = word(2)
    ended = UInt32(truncatingIfNeeded: word(3))
    let flows = Int(word(4))
    guard data.count == head + 4 * flows else { throw BenchError("\(path): it is cut short") }
    counts = data.withUnsafeBytes { bytes in
      (0..<flows).map { bytes.loadUnaligned(fromByteOffset: head + 4 * $0, as: UInt32.self) }
    }
  }

  func write(to path: String) throws {
    var data = Data(Self.magic)
    for word in [
      plan.tcpOf65536, plan.ipv6Of65536, packets, UInt64(ended), UInt64(counts.count),
    ] {
      withUnsafeBytes(of: word) { data.append(contentsOf: $0) }
    }
    counts.withUnsafeBytes { data.append(contentsOf: $0) }
    try data.write(to: URL(fileURLWithPath: path))
  }
}
