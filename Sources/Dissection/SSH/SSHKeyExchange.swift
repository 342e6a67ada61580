internal import FlowEngine

/// The name lists of SSH_MSG_KEXINIT (RFC 4253, section 7.1), in their order on the wire.
enum SSHList: Int, BitwiseCopyable {
  case keyExchange = 0
  case hostKey
  case cipherToServer
  case cipherToClient
  case macToServer
  case macToClient
  case compressionToServer
  case compressionToClient
}

/// The payload of SSH_MSG_KEXINIT, from its message number on.
struct SSHKeyExchange: BitwiseCopyable {
  let bytes: Bytes

  /// Message number and cookie.
  private static let listsAt = 17

  /// One of the lists; nil where the message ends before it.
  func list(_ list: SSHList) -> Bytes? {
    var cursor = ByteCursor(bytes)
    guard cursor.skip(Self.listsAt) else { return nil }
    for _ in 0..<list.rawValue {
      guard let length = cursor.be32(), length <= 0xffff, cursor.skip(Int(length)) else {
        return nil
      }
    }
    guard let length = cursor.be32(), length <= 0xffff else { return nil }
    return cursor.take(Int(length))
  }

  /// The client's first name that the server has, too (RFC 4253, section 7.1).
  static func agreed(_ client: Bytes, _ server: Bytes) -> Bytes? {
    var names = SSHNames(client)
    while let name = names.next() {
      var others = SSHNames(server)
      while let other = others.next() {
        if other.equals(name) { return name }
      }
    }
    return nil
  }
}

/// The names of a list, one after the other: at the most ``most``, so that two lists of thousands cost no
/// more than two of usual length.
struct SSHNames: BitwiseCopyable {
  private var rest: Bytes
  private var isOver = false
  private var left = SSHNames.most

  static let most = 128

  init(_ list: Bytes) {
    rest = list
    isOver = list.isEmpty
  }

  mutating func next() -> Bytes? {
    guard !isOver, left > 0 else { return nil }
    left &-= 1
    guard let comma = rest.firstIndex(of: 0x2c) else {
      isOver = true
      return rest
    }
    let name = rest.prefix(comma)
    rest = rest.dropFirst(comma &+ 1)
    return name
  }
}
