/// A connection id as it was sent.
struct QUICConnectionID: BitwiseCopyable {
  // 20 bytes, the most of RFC 9000.
  private var bytes: (UInt64, UInt64, UInt32) = (0, 0, 0)
  private var count: UInt8 = 0
  /// An empty one is one, too.
  private(set) var isSet = false

  mutating func set(_ id: Bytes) {
    let length = min(id.count, QUICHeader.longestConnectionID)
    withUnsafeMutableBytes(of: &bytes) { memory in
      memory.baseAddress?.copyMemory(from: id.base, byteCount: length)
    }
    count = UInt8(truncatingIfNeeded: length)
    isSet = true
  }

  /// Its bytes, which lie in the flow's state and stay there as long as it does.
  static func bytes(_ id: UnsafeMutablePointer<QUICConnectionID>) -> Bytes {
    // `bytes` is the first field.
    Bytes(
      UnsafePointer(UnsafeMutableRawPointer(id).assumingMemoryBound(to: UInt8.self)),
      Int(id.pointee.count))
  }
}

extension QUICDatagrams {
  struct State: BitwiseCopyable {
    /// Of the first packet.
    var start: Int64 = 0
    var clientKeys = QUICKeys()
    var serverKeys = QUICKeys()
    /// What the keys were made of: the destination that the client chose for its first packet.
    var keyID = QUICConnectionID()
    var initialID = QUICConnectionID()
    var clientID = QUICConnectionID()
    var serverID = QUICConnectionID()
    var clientBuffer = QUICHandshakeBuffer()
    var serverBuffer = QUICHandshakeBuffer()
    /// Of the first packet with one.
    var version = QUICVersion(value: 0)
    /// Of the server's first packet.
    var serverVersion = QUICVersion(value: 0)
    var flags: UInt16 = 0
    var datagrams: UInt16 = 0
    var shorts: UInt16 = 0
    /// Initials that could not be decrypted.
    var failures: UInt8 = 0
    var zeek = QUICZeekSession()
  }

  enum Flags {
    static let clientDone: UInt16 = 1 << 0
    static let serverDone: UInt16 = 1 << 1
    /// The server sent a Retry.
    static let retried: UInt16 = 1 << 2
    /// The first packet seen was the server's: what the flow takes for the client is the server.
    static let reversed: UInt16 = 1 << 3
    static let emitted: UInt16 = 1 << 4
    /// Bytes of the hellos were not captured.
    static let isCut: UInt16 = 1 << 5
    /// Google's own: nothing more can be read behind the client's hello.
    static let google: UInt16 = 1 << 6
    static let negotiated: UInt16 = 1 << 7
  }
}
