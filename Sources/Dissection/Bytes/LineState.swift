internal import FlowEngine

/// What both sides of a conversation in lines have in their state (SMTP, FTP, IMAP, POP3): flags, and among
/// them which side's line is to be passed over up to its end.
protocol LineState: BitwiseCopyable {
  associatedtype FlagBits: FixedWidthInteger & UnsignedInteger

  var flags: FlagBits { get set }
  /// The rest of a line is to be dropped: one of the client's, of the server's.
  static var dropClientLine: FlagBits { get }
  static var dropServerLine: FlagBits { get }
}

extension LineState {
  @inline(__always)
  func has(_ flag: FlagBits) -> Bool { flags & flag != 0 }

  @inline(__always)
  mutating func set(_ flag: FlagBits, _ isOn: Bool = true) {
    if isOn { flags |= flag } else { flags &= ~flag }
  }

  @inline(__always)
  static func drop(toServer: Bool) -> FlagBits { toServer ? dropClientLine : dropServerLine }
}

/// Reads the lines of one direction of such a conversation.
struct LineReader<State: LineState>: BitwiseCopyable {
  let d: Delivery
  let state: UnsafeMutablePointer<State>

  @inline(__always)
  init(_ d: Delivery, _ state: UnsafeMutablePointer<State>) {
    self.d = d
    self.state = state
  }

  private var drop: State.FlagBits { State.drop(toServer: d.isToServer) }

  /// What comes before any line: the rest of one that is dropped, or, where it may be, TLS. nil where neither
  /// is there.
  @inline(__always)
  func before(_ bytes: Bytes, mayBeTLS: Bool) -> Progress? {
    if state.pointee.has(drop) {
      let (count, isEnded) = TextLine.rest(of: bytes)
      if isEnded { state.pointee.set(drop, false) }
      return .consumed(count)
    }
    guard mayBeTLS, bytes.u8(0) == 0x16 else { return nil }
    if bytes.count < 2 { return .needs(2) }
    // A handshake record of version 3.
    return bytes.u8(1) == 3 ? Progress(consumed: 0, next: .change(.tls)) : nil
  }

  /// The next line; nil where it is not there yet. Of one that is longer than `limit` the rest will be
  /// dropped.
  @inline(__always)
  func line(_ bytes: Bytes, limit: Int) -> TextLine? {
    guard let line = TextLine.first(of: bytes, limit: limit) else { return nil }
    if line.isCut {
      state.pointee.set(drop)
      d.note(.appMessageTooLong)
    }
    return line
  }

  /// What was left over when its sender closed: a line without its end. nil where there is none.
  func last(_ rest: Bytes) -> TextLine? {
    guard !rest.isEmpty, !state.pointee.has(drop) else { return nil }
    return TextLine(text: rest.withoutLineEnd, length: rest.count, isCut: false)
  }

  /// A hole: what stands behind it is within a line.
  func loseLine() { state.pointee.set(drop) }
}

/// Values in the order in which they came, at the most `N`: all zeros is an empty one.
struct ShortQueue<let N: Int, Element: BitwiseCopyable>: BitwiseCopyable {
  private var places: InlineArray<N, Element>
  private var start: UInt8 = 0
  private(set) var count: UInt8 = 0

  /// `N` is below 256.
  init(repeating empty: Element) { places = InlineArray(repeating: empty) }

  var isEmpty: Bool { count == 0 }
  var isFull: Bool { Int(count) == N }

  private func place(_ number: UInt8) -> Int { (Int(start) &+ Int(number)) % N }

  var first: Element? { count > 0 ? places[place(0)] : nil }

  /// Not where it is full.
  mutating func push(_ element: Element) {
    guard !isFull else { return }
    places[place(count)] = element
    count &+= 1
  }

  mutating func pop() -> Element? {
    guard let element = first else { return nil }
    start = UInt8(truncatingIfNeeded: place(1))
    count &-= 1
    return element
  }

  mutating func changeFirst(_ change: (inout Element) -> Void) {
    if count > 0 { change(&places[place(0)]) }
  }

  mutating func changeLast(_ change: (inout Element) -> Void) {
    if count > 0 { change(&places[place(count &- 1)]) }
  }

  mutating func clear() { count = 0 }
}
