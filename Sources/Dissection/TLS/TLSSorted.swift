/// Numbers to be written in rising order, as JA4 wants them, in memory of the caller's.
struct TLSSorted: BitwiseCopyable {
  private let numbers: UnsafeMutablePointer<UInt16>
  private(set) var count = 0
  /// There were more than there is room for.
  private(set) var isCut = false

  private static var most: Int { 1024 }
  static var byteCount: Int { most * 2 }

  /// Over `byteCount` bytes, at an even address.
  init(_ memory: UnsafeMutableRawPointer) {
    numbers = memory.assumingMemoryBound(to: UInt16.self)
  }

  mutating func clear() { count = 0 }

  mutating func add(_ number: UInt16) {
    guard count < Self.most else {
      isCut = true
      return
    }
    numbers[count] = number
    count &+= 1
  }

  /// As four hexadecimal digits each, with commas between.
  mutating func write(to text: inout BoundedText) {
    sort()
    for place in 0..<count {
      if place > 0 { text.byte(0x2c) }
      text.hex(numbers[place])
    }
  }

  /// A heap: a hostile order costs no more than any other.
  private mutating func sort() {
    var start = count / 2
    while start > 0 {
      start &-= 1
      sink(start, below: count)
    }
    var end = count
    while end > 1 {
      end &-= 1
      swap(0, end)
      sink(0, below: end)
    }
  }

  private func sink(_ start: Int, below end: Int) {
    var parent = start
    while true {
      // At the most 2 * 1024 + 2.
      var child = parent &* 2 &+ 1
      guard child < end else { return }
      if child &+ 1 < end, numbers[child] < numbers[child &+ 1] { child &+= 1 }
      guard numbers[parent] < numbers[child] else { return }
      swap(parent, child)
      parent = child
    }
  }

  private func swap(_ a: Int, _ b: Int) {
    let kept = numbers[a]
    numbers[a] = numbers[b]
    numbers[b] = kept
  }
}
