/// What Redis says of a stream (XINFO STREAM).
struct StreamState {
  var length: UInt64 = 0
  /// The highest ID that any of its entries has had.
  var last = StreamID()
  /// The ID of the oldest entry that is still there.
  var first: StreamID?
  /// How many entries were ever added; Redis 7 and newer.
  var added: UInt64?

  /// Whether an entry that is not there any more may have been: the stream has been trimmed.
  func mayHaveTrimmed(_ id: StreamID, maxLength: Int) -> Bool {
    guard id <= last, first.map({ id < $0 }) ?? true else { return false }
    if let added { return added > length }
    return maxLength > 0 && length >= UInt64(maxLength)
  }

  /// Nil where the key holds something else than a stream.
  static func read(_ key: String, on client: RedisClient) throws(RedisFault) -> StreamState? {
    switch try client.command(["XINFO", "STREAM", key]) {
    case .error(let text):
      if text.contains("no such key") { return StreamState() }
      let fault = RedisFault(answer: text, to: "XINFO STREAM \(key)")
      if fault.kind == .wrongType { return nil }
      throw fault
    case .array(let pairs):
      var state = StreamState()
      var last: StreamID?
      for index in stride(from: 0, to: pairs.count - 1, by: 2) {
        let value = pairs[index + 1]
        switch pairs[index].text {
        case "length": state.length = UInt64(clamping: value.integer ?? 0)
        case "last-generated-id": last = value.text.flatMap { StreamID($0) }
        case "entries-added": state.added = value.integer.map { UInt64(clamping: $0) }
        case "first-entry":
          state.first = value.elements?.first?.text.flatMap { StreamID($0) }
        default: break
        }
      }
      guard let last else {
        throw RedisFault(.connection, "XINFO STREAM \(key) gave no last-generated-id")
      }
      state.last = last
      return state
    default:
      throw RedisFault(.connection, "XINFO STREAM \(key) gave no list")
    }
  }
}
