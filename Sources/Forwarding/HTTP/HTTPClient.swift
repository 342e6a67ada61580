internal import CCurl

/// Requests to one server over one connection that is kept, through libcurl. Used by one thread.
///
/// What libcurl would do by itself and a forwarder must not is switched off: redirects are not
/// followed, the environment's proxies and `.netrc` not used, nothing but HTTP spoken.
package final class HTTPClient {
  package let settings: HTTPSettings
  private let easy: OpaquePointer?
  private let multi: OpaquePointer?
  private var errorText: [CChar]

  /// How often an interruption is looked at while a server is waited for.
  private static let pollMilliseconds: Int32 = 200

  /// libcurl asks for it once in a process, before anything else.
  private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  package init(_ settings: HTTPSettings) throws(TargetSettingsError) {
    try settings.check()
    guard Self.isReady, let easy = curl_easy_init(), let multi = curl_multi_init() else {
      throw TargetSettingsError("libcurl cannot be used")
    }
    self.settings = settings
    self.easy = OpaquePointer(easy)
    self.multi = OpaquePointer(multi)
    errorText = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit {
    curl_easy_cleanup(handle)
    curl_multi_cleanup(UnsafeMutableRawPointer(multi))
  }

  private var handle: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(easy) }

  /// Sends a request and waits for the whole answer. Throws where there is none, or where
  /// `interruption` is set first.
  package func send(
    _ request: HTTPRequest, interruption: Interruption
  ) throws(TargetFault) -> HTTPAnswer {
    if interruption.isSet { throw Self.interrupted }
    let isCompressed = settings.compressesBodies && !request.body.isEmpty
    let body = isCompressed ? try Gzip.compress(request.body) : request.body
    let received = ReceivedBody(limit: settings.maximumAnswerBytes)
    var list: UnsafeMutablePointer<curl_slist>?
    defer { curl_slist_free_all(list) }
    // Without this, libcurl waits up to a second for a "100 Continue" before larger bodies.
    list = curl_slist_append(list, "Expect:")
    if isCompressed { list = curl_slist_append(list, "Content-Encoding: gzip") }
    let signature = request.signature.map { [$0(body)] } ?? []
    for header in request.headers + signature {
      list = curl_slist_append(list, "\(header.name): \(header.value)")
    }
    curl_easy_reset(handle)
    setConnection()
    set(CURLOPT_URL, settings.url.description + request.path)
    set(CURLOPT_HTTPHEADER, list)
    ccurl_set_write_function(handle, CURLOPT_WRITEFUNCTION, receive)
    ccurl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(received).toOpaque())
    return try withExtendedLifetime(received) { () throws(TargetFault) -> HTTPAnswer in
      let result = body.withUnsafeBufferPointer { bytes -> CURLcode? in
        set(request.method, bytes)
        return errorText.withUnsafeMutableBufferPointer { text -> CURLcode? in
          text[0] = 0
          ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, text.baseAddress)
          defer { ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, nil) }
          return perform(interruption)
        }
      }
      guard let result else { throw Self.interrupted }
      if result != CURLE_OK { throw fault(result) }
      return answer(received.bytes)
    }
  }

  private static let interrupted = TargetFault("interrupted while the target was waited for")

  // MARK: - libcurl

  /// Runs the transfer; nil where it was interrupted.
  private func perform(_ interruption: Interruption) -> CURLcode? {
    let multi = UnsafeMutableRawPointer(self.multi)
    guard curl_multi_add_handle(multi, handle) == CURLM_OK else { return CURLE_FAILED_INIT }
    defer { curl_multi_remove_handle(multi, handle) }
    while true {
      var running: Int32 = 0
      guard curl_multi_perform(multi, &running) == CURLM_OK else { return CURLE_FAILED_INIT }
      if running == 0 {
        let result = ccurl_multi_result(multi)
        return result < 0 ? CURLE_FAILED_INIT : CURLcode(rawValue: UInt32(result))
      }
      if interruption.isSet { return nil }
      curl_multi_poll(multi, nil, 0, Self.pollMilliseconds, nil)
    }
  }

  private func setConnection() {
    set(CURLOPT_NOSIGNAL, 1)
    // A name that is being looked up does not hold an interruption up.
    set(CURLOPT_QUICK_EXIT, 1)
    set(CURLOPT_PROTOCOLS_STR, settings.url.isSecure ? "https" : "http")
    set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
    set(CURLOPT_USERAGENT, "martlet")
    set(CURLOPT_TCP_KEEPALIVE, 1)
    set(CURLOPT_CONNECTTIMEOUT_MS, Int(settings.connectTimeoutSeconds * 1000))
    set(CURLOPT_TIMEOUT_MS, Int(settings.requestTimeoutSeconds * 1000))
    // Empty, and not left out: that would be the environment's.
    set(CURLOPT_PROXY, settings.proxy ?? "")
    set(CURLOPT_NOPROXY, "")
    set(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)

    set(CURLOPT_SSL_VERIFYPEER, 1)
    set(CURLOPT_SSL_VERIFYHOST, 2)
    set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    if let file = settings.authorityFile {
      set(CURLOPT_CAINFO, file)
      ccurl_set_text(handle, CURLOPT_CAPATH, nil)
    }
    if let certificate = settings.certificateFile, let key = settings.keyFile {
      set(CURLOPT_SSLCERT, certificate)
      set(CURLOPT_SSLKEY, key)
      // A key with a passphrase is an error, and not a question on the terminal.
      set(CURLOPT_KEYPASSWD, "")
    }
  }

  private func set(_ method: HTTPRequest.Method, _ body: UnsafeBufferPointer<UInt8>) {
    if method == .get {
      set(CURLOPT_HTTPGET, 1)
      return
    }
    set(CURLOPT_POST, 1)
    // An empty body, and not libcurl's "read it from a callback", which nil would be.
    if let bytes = body.baseAddress, !body.isEmpty {
      ccurl_set_pointer(handle, CURLOPT_POSTFIELDS, bytes)
    } else {
      set(CURLOPT_COPYPOSTFIELDS, "")
    }
    ccurl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
    if method == .put { set(CURLOPT_CUSTOMREQUEST, method.rawValue) }
  }

  private func set(_ option: CURLoption, _ value: Int) { ccurl_set_long(handle, option, value) }
  private func set(_ option: CURLoption, _ value: String) { ccurl_set_text(handle, option, value) }
  private func set(_ option: CURLoption, _ value: UnsafeMutablePointer<curl_slist>?) {
    ccurl_set_list(handle, option, value)
  }

  private func answer(_ body: [UInt8]) -> HTTPAnswer {
    var status = 0
    ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
    var answer = HTTPAnswer(status: status, body: body)
    var seconds: curl_off_t = 0
    ccurl_get_offset(handle, CURLINFO_RETRY_AFTER, &seconds)
    if seconds > 0 { answer.retryAfterSeconds = Double(min(seconds, 3600)) }
    var place: UnsafePointer<CChar>?
    ccurl_get_text(handle, CURLINFO_REDIRECT_URL, &place)
    if let place { answer.redirect = String(String(cString: place).prefix(200)) }
    return answer
  }

  private func fault(_ result: CURLcode) -> TargetFault {
    var verification = 0
    ccurl_get_long(handle, CURLINFO_SSL_VERIFYRESULT, &verification)
    let detail = errorText.withUnsafeBufferPointer { text in
      text.baseAddress.map { String(cString: $0) } ?? ""
    }
    return TransferFault.fault(
      result, detail: detail, verification: verification, settings: settings)
  }
}

/// The bytes of an answer as they come.
private final class ReceivedBody {
  var bytes: [UInt8] = []
  let limit: Int

  init(limit: Int) { self.limit = limit }
}

/// libcurl's write callback: taking fewer bytes than there are ends the transfer.
private let receive: ccurl_write_function = { piece, size, count, context in
  guard let piece, let context else { return 0 }
  let received = Unmanaged<ReceivedBody>.fromOpaque(context).takeUnretainedValue()
  // Cannot overflow: libcurl gives at most CURL_MAX_WRITE_SIZE bytes.
  let length = size * count
  if received.bytes.count + length > received.limit { return 0 }
  received.bytes.append(
    contentsOf: UnsafeRawBufferPointer(start: UnsafeRawPointer(piece), count: length))
  return length
}
