/// A request of a target's.
package struct HTTPRequest: Sendable {
  package enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
  }

  package var method: Method
  /// Appended to the target's address: `/_bulk?refresh=false`.
  package var path: String
  /// Without Host, Content-Length and Content-Encoding, which are the client's.
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]
  /// A header that is made of the body as it is on the wire, compressed where bodies are.
  package var signature: (@Sendable ([UInt8]) -> (name: String, value: String))?

  package init(
    _ method: Method, _ path: String, headers: [(name: String, value: String)] = [],
    body: [UInt8] = []
  ) {
    self.method = method
    self.path = path
    self.headers = headers
    self.body = body
  }
}

/// What a server answered.
package struct HTTPAnswer: Sendable {
  package var status: Int
  package var body: [UInt8]
  /// Retry-After, whether it was given in seconds or as a date (RFC 9110 section 10.2.3), at most
  /// an hour.
  package var retryAfterSeconds: Double?
  /// Where a 3xx points to.
  package var redirect: String?

  package var isSuccess: Bool { (200..<300).contains(status) }

  /// The beginning of the body for an error: one line, of printable text.
  package var excerpt: String {
    let text = String(decoding: body.prefix(300), as: UTF8.self)
    let line = String(
      text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : Character($0) })
    return body.count > 300 ? "\(line)…" : line
  }
}
