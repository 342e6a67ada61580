import ControlAPI

/// A message on its way to its answer. A batch may go from one of the engine's threads to the other and
/// back; its requests are answered in their order all the same, one after the other.
struct MessageWork: Sendable {
  enum Step: Sendable {
    /// What there is to answer: nil where nothing is.
    case done([UInt8]?)
    /// The next request belongs to another thread.
    case goesOn(MethodPace)
  }

  /// Where it goes on.
  var pace: MethodPace
  private let requests: [JSONValue]
  private let isBatch: Bool
  private var position = 0
  private(set) var response: [UInt8] = []

  init(requests: [JSONValue], isBatch: Bool, pace: MethodPace) {
    self.requests = requests
    self.isBatch = isBatch
    self.pace = pace
  }

  /// A message that is answered already, because it is none.
  init(response: [UInt8]) {
    self.init(requests: [], isBatch: false, pace: .atOnce)
    self.response = response
  }

  var next: JSONValue? {
    // Not `? :`, in which nil would be JSON's null.
    guard position < requests.count else { return nil }
    return requests[position]
  }

  /// The answer to ``next``; nil where it is due none.
  mutating func take(_ answer: [UInt8]?) {
    position += 1
    guard let answer else { return }
    if isBatch { response.append(UInt8(ascii: response.isEmpty ? "[" : ",")) }
    response.append(contentsOf: answer)
  }

  var whole: [UInt8]? {
    if response.isEmpty { return nil }
    return isBatch ? response + [UInt8(ascii: "]")] : response
  }
}
