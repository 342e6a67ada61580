internal import CHiredis
internal import CHiredisTLS
internal import Glibc

/// TLS on one connection of hiredis, which does not block: who gets `.wouldBlock` polls for
/// ``awaited`` and calls again.
///
/// Belongs to the connection, and is gone with it.
struct RedisTLSSession {
  enum Progress: Equatable {
    case done
    case wouldBlock
  }

  private let context: UnsafeMutablePointer<redisContext>
  private let session: OpaquePointer
  private let host: String

  /// Begins the handshake; files are read now, so that a renewed certificate is used by the next
  /// connection.
  ///
  /// - Parameter host: what the server's certificate must be for.
  init(
    _ context: UnsafeMutablePointer<redisContext>, _ settings: RedisTLS, host: String
  ) throws(RedisFault) {
    guard RedisTLS.isAvailable else { throw RedisFault(.refused, RedisTLS.absence) }
    var reason = Reason()
    let begun = withOptionalCString(settings.caFile) { authorities in
      withOptionalCString(settings.certificateFile) { certificate in
        withOptionalCString(settings.keyFile) { key in
          host.withCString { name in
            var native = chiredis_tls_settings(
              ca_file: authorities, certificate_file: certificate, key_file: key,
              server_name: name)
            return reason.fill { chiredis_tls_begin(context, &native, $0, $1) }
          }
        }
      }
    }
    guard let begun else { throw RedisFault(.connection, reason.text) }
    self.context = context
    session = begun
    self.host = host
  }

  /// What to poll for after `.wouldBlock`.
  var awaited: Int32 { chiredis_tls_wants_to_write(session) != 0 ? POLLOUT : POLLIN }

  func shakeHands() throws(RedisFault) -> Progress {
    var reason = Reason()
    switch reason.fill({ chiredis_tls_handshake(session, host, $0, $1) }) {
    case 1: return .done
    case 0: return .wouldBlock
    default: throw RedisFault(.connection, reason.text)
    }
  }

  /// How many bytes have come; 0: it would block, and nothing that has come is left unread.
  func read(into buffer: inout [UInt8]) throws(RedisFault) -> Int {
    var reason = Reason()
    let count = buffer.withUnsafeMutableBytes { room in
      room.baseAddress.map { start in
        reason.fill { chiredis_tls_read(context, start, room.count, $0, $1) }
      } ?? 0
    }
    if count >= 0 { return count }
    throw RedisFault(
      .connection,
      count == -2 ? "connection lost: Redis has closed it" : "connection lost: \(reason.text)")
  }

  /// Takes bytes; they are sent by ``flush()``, as often as it has to be called.
  func append(_ bytes: UnsafeRawBufferPointer) throws(RedisFault) {
    guard let start = bytes.baseAddress else { return }
    guard chiredis_tls_append(context, start, bytes.count) == 0 else {
      throw RedisFault(.connection, "connection lost: hiredis found no memory")
    }
  }

  func flush() throws(RedisFault) -> Progress {
    var reason = Reason()
    switch reason.fill({ chiredis_tls_flush(context, $0, $1) }) {
    case 1: return .done
    case 0: return .wouldBlock
    default: throw RedisFault(.connection, "connection lost while sending: \(reason.text)")
    }
  }
}

/// Where C says why something failed.
private struct Reason {
  private var bytes = InlineArray<512, CChar>(repeating: 0)

  mutating func fill<Result>(_ body: (UnsafeMutablePointer<CChar>, Int) -> Result) -> Result {
    withUnsafeMutableBytes(of: &bytes) {
      body($0.assumingMemoryBound(to: CChar.self).baseAddress!, $0.count)
    }
  }

  var text: String {
    withUnsafeBytes(of: bytes) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

private func withOptionalCString<Result>(
  _ text: String?, _ body: (UnsafePointer<CChar>?) -> Result
) -> Result {
  guard let text else { return body(nil) }
  return text.withCString { body($0) }
}
