/// The elements with the highest scores out of any number, in a heap whose lowest is on top.
struct Foremost<Element> {
  private var heap: [(score: Double, element: Element)] = []
  private let limit: Int

  init(limit: Int) {
    self.limit = limit
    heap.reserveCapacity(min(limit, 1024))
  }

  /// Takes an element if it is among the foremost so far; it is made only then.
  @inline(__always)
  mutating func offer(_ score: Double, _ element: () -> Element) {
    if heap.count < limit {
      heap.append((score, element()))
      siftUp()
    } else if limit > 0 && score > heap[0].score {
      heap[0] = (score, element())
      siftDown()
    }
  }

  /// Highest score first.
  var sorted: [Element] { heap.sorted { $0.score > $1.score }.map(\.element) }

  private mutating func siftUp() {
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if heap[parent].score <= heap[child].score { return }
      heap.swapAt(parent, child)
      child = parent
    }
  }

  private mutating func siftDown() {
    var parent = 0
    while true {
      let left = 2 * parent + 1
      if left >= heap.count { return }
      let right = left + 1
      let child = right < heap.count && heap[right].score < heap[left].score ? right : left
      if heap[parent].score <= heap[child].score { return }
      heap.swapAt(parent, child)
      parent = child
    }
  }
}
