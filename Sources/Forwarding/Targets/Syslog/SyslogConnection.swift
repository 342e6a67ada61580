internal import CCurl
internal import Glibc

/// A TCP connection, plain or in TLS, on which libcurl does the name, the connecting and the
/// verification, and no HTTP: with CURLOPT_CONNECT_ONLY it hands over what it has connected.
///
/// Never blocks but in ``connect(interruption:within:)`` and ``wait(writing:milliseconds:)``. Once
/// one of its methods has thrown, it is of no more use.
final class SyslogConnection {
  private let easy: UnsafeMutableRawPointer
  private let multi: UnsafeMutableRawPointer
  private let errorText: UnsafeMutablePointer<CChar>
  private let destination: SyslogDestination
  private var socket: Int32 = -1

  /// A TLS record is of use to the receiver only as a whole, so of what is under way as much may
  /// not have arrived although the kernel's count says that it has.
  private var recordBytes: Int { destination.transport == .tls ? 17 << 10 : 0 }

  init(destination: SyslogDestination, tls: SyslogTLSSettings) throws(TargetFault) {
    self.destination = destination
    guard let easy = curl_easy_init(), let multi = curl_multi_init()
    else { throw TargetFault("libcurl has no memory") }
    self.easy = easy
    self.multi = multi
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))

    let scheme = destination.transport == .tls ? "https" : "http"
    // Of an IPv6 address's zone (RFC 6874).
    let host = destination.bracketedHost.replacing("%", with: "%25")
    try text(CURLOPT_URL, "\(scheme)://\(host):\(destination.port)/")
    try number(CURLOPT_CONNECT_ONLY, 1)
    try number(CURLOPT_TCP_KEEPALIVE, 1)
    // An HTTP proxy in the environment is none of syslog's.
    try text(CURLOPT_PROXY, "")
    try check(ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText))
    if destination.transport == .tls { try setUp(tls) }
  }

  deinit {
    curl_multi_remove_handle(multi, easy)
    curl_easy_cleanup(easy)
    curl_multi_cleanup(multi)
    errorText.deallocate()
  }

  private func setUp(_ tls: SyslogTLSSettings) throws(TargetFault) {
    // RFC 5425 asks for TLS 1.2 and wants the receiver's name checked (section 5.2); it knows no
    // ALPN.
    try number(CURLOPT_SSL_VERIFYPEER, 1)
    try number(CURLOPT_SSL_VERIFYHOST, 2)
    try number(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    try number(CURLOPT_SSL_ENABLE_ALPN, 0)
    if let path = tls.authorityFile {
      try text(CURLOPT_CAINFO, Self.readable(path, "the file of authorities"))
    }
    if let path = tls.certificateFile {
      try text(CURLOPT_SSLCERT, Self.readable(path, "the certificate"))
    }
    if let path = tls.keyFile { try text(CURLOPT_SSLKEY, Self.readable(path, "the key")) }
    if let password = tls.keyPassword { try text(CURLOPT_KEYPASSWD, password) }
  }

  /// Connects and, with TLS, verifies who answers.
  func connect(interruption: Interruption?, within seconds: Double) throws(TargetFault) {
    try number(CURLOPT_CONNECTTIMEOUT_MS, Int(seconds * 1_000))
    curl_multi_add_handle(multi, easy)
    var running: Int32 = 1
    while true {
      curl_multi_perform(multi, &running)
      if running == 0 { break }
      if interruption?.isSet == true {
        throw TargetFault("interrupted while connecting to \(destination)")
      }
      curl_multi_poll(multi, nil, 0, 200, nil)
    }
    var left: Int32 = 0
    let result = curl_multi_info_read(multi, &left)?.pointee.data.result ?? CURLE_COULDNT_CONNECT
    guard result == CURLE_OK else { throw fault("cannot connect to \(destination)", result) }
    var socket: curl_socket_t = -1
    guard ccurl_get_socket(easy, &socket) == CURLE_OK, socket >= 0
    else { throw TargetFault("cannot connect to \(destination): it went away at once") }
    self.socket = socket
  }

  /// How many bytes the kernel took; 0 where it takes none just now: then the same bytes must come
  /// again, from the same address, as OpenSSL wants it.
  func send(_ bytes: UnsafeRawBufferPointer) throws(TargetFault) -> Int {
    var sent = 0
    let result = curl_easy_send(easy, bytes.baseAddress, bytes.count, &sent)
    guard result == CURLE_OK || result == CURLE_AGAIN
    else { throw fault("the connection to \(destination) was lost", result) }
    return sent
  }

  /// Reads and drops what the receiver says (syslog has no answers; TLS has tickets), and throws
  /// where the receiver has ended the connection.
  func drain() throws(TargetFault) {
    while true {
      var count = 0
      let result = withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 1) {
        curl_easy_recv(easy, $0.baseAddress, $0.count, &count)
      }
      if result == CURLE_AGAIN { return }
      guard result == CURLE_OK
      else { throw fault("the connection to \(destination) was lost", result) }
      if count == 0 { throw TargetFault("\(destination) has ended the connection") }
    }
  }

  /// Of so many bytes sent, how many the receiver's kernel has acknowledged: never more than it
  /// has.
  func acknowledged(of sent: Int) throws(TargetFault) -> Int {
    var queued: Int32 = 0
    guard ioctl(socket, UInt(TIOCOUTQ), &queued) == 0
    else { throw TargetFault("the connection to \(destination) was lost") }
    // A reset connection may have no queue either: ask before it is believed.
    var error: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length)
    guard error == 0
    else {
      throw TargetFault(
        "the connection to \(destination) was lost: \(String(cString: strerror(error)))")
    }
    return queued == 0 ? sent : max(0, sent - Int(queued) - recordBytes)
  }

  /// Waits until something can be sent or read.
  func wait(writing: Bool, milliseconds: Int32) {
    var descriptor = pollfd(
      fd: socket, events: Int16(POLLIN) | (writing ? Int16(POLLOUT) : 0), revents: 0)
    poll(&descriptor, 1, milliseconds)
  }

  // MARK: Settings and errors

  private static func readable(_ path: String, _ what: String) throws(TargetFault) -> String {
    guard access(path, R_OK) == 0 else {
      throw TargetFault(
        "\(what), '\(path)', cannot be read: \(String(cString: strerror(errno)))", isFinal: true)
    }
    return path
  }

  private func text(_ option: CURLoption, _ value: String) throws(TargetFault) {
    try check(ccurl_set_text(easy, option, value))
  }

  private func number(_ option: CURLoption, _ value: Int) throws(TargetFault) {
    try check(ccurl_set_long(easy, option, value))
  }

  private func check(_ result: CURLcode) throws(TargetFault) {
    guard result == CURLE_OK else {
      throw fault("libcurl refuses a setting", result, isFinal: true)
    }
  }

  private func fault(_ what: String, _ result: CURLcode, isFinal: Bool = false) -> TargetFault {
    let detail = String(cString: errorText)
    errorText.pointee = 0
    // These say that a file is not what it should be; nothing at the receiver can change that.
    let isSetting = [CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM].contains(result)
    let text = detail.isEmpty ? String(cString: curl_easy_strerror(result)) : detail
    let advice =
      result == CURLE_PEER_FAILED_VERIFICATION
      ? " (--ca-file names the authority; the destination must be a name in the certificate)" : ""
    return TargetFault("\(what): \(text)\(advice)", isFinal: isFinal || isSetting)
  }
}
