import Testing

@testable import martlet

struct CellTextTests {
  func text(_ body: (inout CellText) -> Void) -> (text: String, columns: Int) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: CellText.capacity) { memory in
      var cell = CellText(memory.baseAddress!)
      body(&cell)
      return (String(decoding: memory[..<cell.count], as: UTF8.self), cell.columns)
    }
  }

  @Test(
    arguments: [
      (0, "0", "0 B"), (999, "999", "999 B"), (1000, "1.00 k", "1.00 kB"),
      (1255, "1.26 k", "1.26 kB"), (9994, "9.99 k", "9.99 kB"), (9995, "10.0 k", "10.0 kB"),
      (99_949, "99.9 k", "99.9 kB"), (99_950, "100 k", "100 kB"), (999_499, "999 k", "999 kB"),
      (999_500, "1.00 M", "1.00 MB"), (1_230_000_000, "1.23 G", "1.23 GB"),
      (999_499_999_999, "999 G", "999 GB"), (999_999_999_999_999_999, "1.00 E", "1.00 EB"),
      (.max, "18.4 E", "18.4 EB"),
    ] as [(UInt64, String, String)])
  func scaled(value: UInt64, count: String, traffic: String) {
    #expect(text { $0.scaled(value) }.text == count)
    #expect(text { $0.traffic(value) }.text == traffic)
  }

  /// Where no half is to be rounded, in which the two differ, cells and other views say the same.
  @Test func scaledIsWhatUnitsSay() {
    var random = SampleFlows.Generator(state: 7)
    for _ in 0..<5000 {
      let value = random.next() >> UInt64(random.below(64))
      var unit: UInt64 = 1
      while value / unit >= 1000 { unit *= 10 }
      if unit > 1 && value % unit == unit / 2 { continue }
      #expect(text { $0.scaled(value) }.text == Units.scaled(Double(value)), "\(value)")
    }
  }

  @Test(
    arguments: [
      (1, "1 ns"), (999, "999 ns"), (1000, "1.00 µs"), (212_900, "213 µs"), (999_499, "999 µs"),
      (999_500, "1.00 ms"), (999_499_999, "999 ms"), (999_500_000, "1.00 s"),
      (59_949_999_999, "59.9 s"), (59_950_000_000, "1m 00s"), (185_000_000_000, "3m 05s"),
      (3_599_400_000_000, "59m 59s"), (3_725_000_000_000, "1h 02m"),
      (273_600_000_000_000, "3d 04h"),
      (8_640_000_000_000_000, "100d"), (.max, "213503d"),
    ] as [(UInt64, String)])
  func duration(nanoseconds: UInt64, expected: String) {
    let (text, columns) = text { $0.duration(nanoseconds) }
    #expect(text == expected)
    #expect(columns == expected.count && columns <= 7)
  }
}
