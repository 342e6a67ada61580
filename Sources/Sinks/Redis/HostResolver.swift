internal import Glibc
internal import Synchronization

/// Turns a host's name into addresses without holding up who asks: getaddrinfo(3) can take half a
/// minute where the name server is gone, and cannot be interrupted, so it has a thread of its own.
final class HostResolver: Sendable {
  private enum Answer {
    case none
    case addresses([String])
    case failure(String)
  }

  private let host: String
  private let answer = Mutex(Answer.none)

  /// Begins to look the name up. Numbers need no looking up.
  init(_ host: String) {
    self.host = host
    var space = in6_addr()
    if inet_pton(AF_INET, host, &space) == 1 || inet_pton(AF_INET6, host, &space) == 1 {
      answer.withLock { $0 = .addresses([host]) }
      return
    }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self)
    let error = pthread_create(
      &thread, nil,
      { raw in
        guard let raw else { return nil }
        let resolver = Unmanaged<HostResolver>.fromOpaque(raw).takeRetainedValue()
        resolver.lookUp()
        return nil
      }, context.toOpaque())
    guard error == 0 else {
      context.release()
      answer.withLock { $0 = .failure(systemErrorText(error)) }
      return
    }
    pthread_detach(thread)
  }

  /// Numeric addresses, IPv4 and IPv6 in the system's order; nil while they are not known yet.
  func addresses() throws(RedisFault) -> [String]? {
    switch answer.withLock({ $0 }) {
    case .none: return nil
    case .addresses(let list): return list
    case .failure(let text): throw RedisFault(.connection, "\(host): \(text)")
    }
  }

  private func lookUp() {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let error = getaddrinfo(host, nil, &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    guard error == 0 else {
      let text = String(cString: gai_strerror(error))
      answer.withLock { $0 = .failure(text) }
      return
    }
    var found: [String] = []
    var next = list
    while let entry = next {
      var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      if getnameinfo(
        entry.pointee.ai_addr, entry.pointee.ai_addrlen, &name, socklen_t(name.count), nil, 0,
        NI_NUMERICHOST) == 0
      {
        found.append(
          String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
      }
      next = entry.pointee.ai_next
    }
    answer.withLock { $0 = found.isEmpty ? .failure("it has no address") : .addresses(found) }
  }
}
