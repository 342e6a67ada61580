import CCrypto
import Glibc

/// Bodies and attachments that are over, and wait for the word whether their flow is wanted; of one flow there
/// may be any number, and it may end at the very end of the input.
///
/// The first ones stand in memory. What comes beyond them is parked: its bytes in a file of the folder that has
/// a number for its name, what is known of it in a file without a name, where each of a flow's says where the
/// one before it stands. Of a flow then stays where its last one is.
struct WaitingBodies: ~Copyable {
  /// Of a body all but its bytes.
  struct Account: BitwiseCopyable {
    var size: UInt64 = 0
    var holes: UInt64 = 0
    var missing: UInt64 = 0
    /// Behind a hole that is too large to be kept as zeros nothing is kept.
    var isCut = false
    /// No file may be as large as it: the rest is not there.
    var isFull = false
    var digest = ccrypto_sha256_state()

    /// What the file system took of it.
    mutating func fit(to file: PayloadFile) {
      guard file.isFull else { return }
      size = file.size
      isCut = true
      isFull = true
    }
  }

  /// What may stand in memory.
  struct Limits {
    var bodies = 4096
    var bodiesPerFlow = 64
    /// Of their records.
    var messageBytes = 8 << 20
  }

  private struct Body {
    let file: PayloadFile
    var account: Account
    /// Its record, as it came over the ring.
    var message: [UInt8]
  }

  private struct Flow {
    var bodies: [Body] = []
    /// Where in the file the last of those beyond stands; -1: there is none.
    var last: Int64 = -1
    var parkedCount = 0
  }

  /// In the file, in front of its message.
  private struct Parked: BitwiseCopyable {
    /// The flow's one before; -1: none.
    var before: Int64
    var number: UInt64
    var messageCount: Int
    var account: Account
  }

  private let pool: PayloadFilePool
  private let limits: Limits
  private var flows: [UInt64: Flow] = [:]
  /// In memory.
  private(set) var bodyCount = 0
  private var messageBytes = 0
  private(set) var parkedCount = 0
  /// -1 before it is needed.
  private var descriptor: Int32 = -1
  private var end: Int64 = 0

  init(_ pool: PayloadFilePool, _ limits: Limits = Limits()) {
    self.pool = pool
    self.limits = limits
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  mutating func put(
    _ file: PayloadFile, _ account: Account, _ message: UnsafeRawBufferPointer, of name: UInt64
  ) {
    var flow = flows.removeValue(forKey: name) ?? Flow()
    // Behind one that is parked all are, so that they keep their order.
    if flow.parkedCount > 0 || flow.bodies.count >= limits.bodiesPerFlow
      || bodyCount >= limits.bodies || messageBytes + message.count > limits.messageBytes
    {
      park(file, account, message, &flow)
    } else {
      flow.bodies.append(Body(file: file, account: account, message: Array(message)))
      bodyCount += 1
      messageBytes += message.count
    }
    flows[name] = flow
  }

  /// The flow is over: its bodies, in the order in which they came.
  mutating func take(
    _ name: UInt64, _ body: (PayloadFile, Account, UnsafeRawBufferPointer) -> Void
  ) {
    guard let flow = flows.removeValue(forKey: name) else { return }
    for one in flow.bodies {
      messageBytes -= one.message.count
      one.message.withUnsafeBytes { body(one.file, one.account, $0) }
    }
    bodyCount -= flow.bodies.count
    guard flow.parkedCount > 0 else { return }
    for place in places(flow) {
      guard let parked = parked(at: place) else { break }
      let file = pool.unpark(parked.number, size: parked.account.size)
      let start = place + Int64(MemoryLayout<Parked>.stride)
      withUnsafeTemporaryAllocation(byteCount: parked.messageCount, alignment: 8) { message in
        if read(message, at: start) {
          body(file, parked.account, UnsafeRawBufferPointer(message))
        } else {
          file.discard()
        }
      }
    }
    parkedCount -= flow.parkedCount
    if parkedCount == 0 {
      // Nobody asks for what it has any more.
      ftruncate(descriptor, 0)
      end = 0
    }
  }

  // MARK: The file

  private mutating func park(
    _ file: PayloadFile, _ account: Account, _ message: UnsafeRawBufferPointer, _ flow: inout Flow
  ) {
    if descriptor < 0 { descriptor = pool.namelessFile() }
    var account = account
    let number = file.park()
    account.fit(to: file)
    var head = Parked(
      before: flow.last, number: number, messageCount: message.count, account: account)
    let place = end
    withUnsafeBytes(of: &head) { write($0) }
    end = place + Int64(MemoryLayout<Parked>.stride)
    write(message)
    end += Int64(message.count)
    flow.last = place
    flow.parkedCount += 1
    parkedCount += 1
  }

  /// Of a flow's, the first one first.
  private func places(_ flow: Flow) -> [Int64] {
    var places: [Int64] = []
    places.reserveCapacity(flow.parkedCount)
    var place = flow.last
    while place >= 0, let parked = parked(at: place) {
      places.append(place)
      place = parked.before
    }
    return places.reversed()
  }

  private func parked(at place: Int64) -> Parked? {
    withUnsafeTemporaryAllocation(of: Parked.self, capacity: 1) { memory in
      read(UnsafeMutableRawBufferPointer(memory), at: place) ? memory[0] : nil
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) {
    var done = 0
    while done < bytes.count, pool.error == nil {
      // `done` is below `count`.
      let count = pwrite(
        descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(end) + off_t(done))
      if count < 0 && errno == EINTR { continue }
      if count < 0 { return pool.fail("\(pool.folder)/\(PayloadFilePool.partsName)", errno) }
      done += count
    }
  }

  private func read(_ bytes: UnsafeMutableRawBufferPointer, at place: Int64) -> Bool {
    var done = 0
    while done < bytes.count {
      let count = pread(
        descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(place) + off_t(done))
      if count < 0 && errno == EINTR { continue }
      if count <= 0 {
        pool.fail("\(pool.folder)/\(PayloadFilePool.partsName)", count == 0 ? EIO : errno)
        return false
      }
      done += count
    }
    return true
  }
}
