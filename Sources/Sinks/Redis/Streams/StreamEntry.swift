/// An entry of a stream, as a reader was given it: bytes, because a value need not be UTF-8.
package struct StreamEntry: Sendable {
  /// A field and its value; of one entry's fields all slices share one array.
  package typealias Field = (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)

  package enum Body: Sendable {
    /// Trimmed or deleted, though it was still pending.
    case gone
    /// The value of the one field `eve`, which is how Martlet writes by default.
    case eve([UInt8])
    /// Anything else, in the order in which it was written.
    case fields([Field])
  }

  package var id: StreamID
  package var body: Body

  package init(id: StreamID, body: Body) {
    self.id = id
    self.body = body
  }

  /// Names and values, in bytes.
  package var byteCount: Int {
    switch body {
    case .gone: 0
    case .eve(let value): value.count + 3
    case .fields(let fields): fields.reduce(0) { $0 + $1.name.count + $1.value.count }
    }
  }
}
