import Foundation

/// Which live flow the next packet belongs to: all alike, or by Zipf's law with some exponent.
///
/// Zipf's quantiles are a table: a cell by the draw's upper bits, and evenly within the cell by its
/// lower ones. The most frequent flows have cells of their own.
struct FlowChoice {
  private static let cells = 16_384

  let flows: Int
  let exponent: Double?
  private let quantiles: UnsafeMutablePointer<UInt32>
  private var state: UInt64 = 0x1234_5678_9abc_def1

  /// `exponent` nil: uniform.
  init(flows: Int, exponent: Double?) {
    self.flows = flows
    self.exponent = exponent
    quantiles = .allocate(capacity: Self.cells + 1)
    quantiles.initialize(repeating: 0, count: Self.cells + 1)
    guard let exponent else { return }
    var total = 0.0
    for rank in 1...flows { total += pow(Double(rank), -exponent) }
    var sum = 0.0
    var cell = 0
    for rank in 1...flows {
      sum += pow(Double(rank), -exponent)
      while cell < Self.cells && Double(cell) * total < sum * Double(Self.cells) {
        quantiles[cell] = UInt32(rank - 1)
        cell += 1
      }
    }
    while cell <= Self.cells {
      quantiles[cell] = UInt32(flows)
      cell += 1
    }
  }

  /// The next flow's place, 0 ..< `flows`.
  @inline(__always)
  mutating func next() -> Int {
    // A Weyl sequence through a multiply and a fold, as wyrand has it.
    state &+= 0xa076_1d64_78bd_642f
    let (high, low) = state.multipliedFullWidth(by: state ^ 0xe703_7ed1_a0b4_28db)
    let draw = high ^ low
    if exponent == nil {
      return Int(truncatingIfNeeded: draw.multipliedFullWidth(by: UInt64(flows)).high)
    }
    let cell = Int(truncatingIfNeeded: draw >> 50)
    let first = UInt64(quantiles[cell])
    // At the least 1 wide; no overflow: 32 bits times 32 bits.
    let width = max(UInt64(quantiles[cell + 1]), first &+ 1) &- first
    return Int(truncatingIfNeeded: first &+ ((draw & 0xffff_ffff) &* width) >> 32)
  }
}
