import Foundation

// HTTP/1: heads, bodies, and what goes wrong in them.

extension SecretScenes {
  private static let secret = SecretWatch.secret
  private static let basic = SecretWatch.basic
  private static let tokenUser = Data("\(secret):".utf8).base64EncodedString()

  private static let answer =
    "HTTP/1.1 401 no\nContent-Length: 0\nWWW-Authenticate: Basic realm=\"x\", token=\(secret)\n"
    + "Authentication-Info: nextnonce=\"\(secret)\"\nSet-Cookie: sid=\(secret); Path=/\n"
    + "Set-Cookie: \(secret)\nLocation: http://joe:\(secret)@h/?token=\(secret)\n\n"

  private static func request(_ target: String, _ fields: [String] = [], body: String = "")
    -> String
  {
    let length = body.isEmpty ? [] : ["Content-Length: \(body.utf8.count)"]
    return (["POST \(target) HTTP/1.1", "Host: h"] + fields + length).joined(separator: "\n")
      + "\n\n" + body
  }

  static let web: [SecretScene] = (targets + fields + bodies + odd).map { name, text in
    SecretScene(
      name: "HTTP " + name, port: 80,
      turns: [.client(text), .server(answer), .client(request("/next")), .server(answer)])
  }

  private static let targets = [
    "http://joe:\(secret)@h/", "http://\(secret):@h/", "//joe:\(secret)@h/", "/?password=\(secret)",
    "/?PASSWORD=\(secret)", "/?a=1&client_secret=\(secret)&b=2", "/;jsessionid=\(secret)?a=1",
    "/?phpsessid=\(secret)", "/#access_token=\(secret)", "/?%70assword=\(secret)",
    "/?user[password]=\(secret)", "/?next=%2F%3Ftoken%3D\(secret)", "/?auth_token=\(secret)",
    "/?new_password=\(secret)&old_password=\(secret)", "/?X-Amz-Signature=\(secret)",
    "/?X-Amz-Security-Token=\(secret)", "/?q=%7B%22password%22%3A%22\(secret)%22%7D",
    "/?q={\"password\":\"\(secret)\"}", "/?passphrase=\(secret)", "/?access_key=\(secret)",
    "/?jwt=\(secret)", "/?SAMLResponse=\(secret)", "/?code_verifier=\(secret)",
    "http://ghp_\(secret)\(secret)@h/", "ftp://joe:\(secret)@h/",
    "/?a={%22x%22:1,%22Token%22:%20%22\(secret)\\%22\(secret)%22}",
    "/?user_password=\(secret)", "/?password%3D\(secret)", "/?password%5B%5D=\(secret)",
  ].map { ("target " + $0, request($0)) }

  private static let fields = [
    "Authorization: Basic \(basic)", "Authorization: Basic \(tokenUser)",
    "Authorization: Bearer \(secret)",
    "Authorization: Digest username=\"joe\", response=\"\(secret)\"",
    "Authorization: \(secret)", "Authorization:\n  Basic \(basic)",
    "authorization : Basic \(basic)",
    "Proxy-Authorization: Basic \(basic)", "Cookie: sid=\(secret)", "Cookie: \(secret)",
    "Cookie: \(SecretWatch.plain64)", "Cookie: a=b;\(secret)", "Cookie: \(secret)==",
    "Cookie: a=\(secret)=b; c=\"\(secret)\"", "Cookie: a=1\n b=\(secret)",
    "Referer: http://joe:\(secret)@h/?token=\(secret)", "Referer: /?a=%26token%3D\(secret)",
    "Host: joe:\(secret)@h", "X-Forwarded-For: token=\(secret)",
    "Via: 1.1 http://joe:\(secret)@h", "Origin: http://joe:\(secret)@h",
    "User-Agent: curl password=\(secret)", "X-Api-Key: \(secret)", "X-Auth-Token: \(secret)",
    "Sec-WebSocket-Key: \(SecretWatch.plain64)", "Upgrade: token=\(secret)",
    "Content-Type: multipart/form-data; token=\(secret)",
    "Content-Disposition: attachment; filename=\"token=\(secret)\"",
    "True-Client-IP: secret=\(secret)", "Forwarded: for=1;token=\(secret)",
    "User-Agent: {\"token\": \"\(secret)\"}", "Range: \(secret)",
    "Proxy-Connection: token=\(secret)",
  ].map { ("field " + $0, request("/", [$0])) }

  private static let bodies = [
    ("form", request("/", body: "user=joe&password=\(secret)")),
    ("JSON", request("/", body: "{\"password\":\"\(secret)\"}")),
    (
      "chunks",
      "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n26;token=\(secret)\n"
        + "password=\(secret)\n.............\n0\nX-Token: \(secret)\n\n"
    ),
    ("a length that is too small", "POST / HTTP/1.1\nContent-Length: 5\n\npassword=\(secret)\n"),
    (
      "multipart",
      request(
        "/", ["Content-Type: multipart/form-data; boundary=x"],
        body: "--x\nContent-Disposition: form-data; name=\"password\"\n\n\(secret)\n--x--\n")
    ),
  ]

  private static let odd = [
    ("no version", "GET /?password=\(secret)\n"),
    ("a method", "password=\(secret) / HTTP/1.1\n\n"),
    ("a version", "GET / HTTP/token=\(secret)\n\n"),
    ("a line without a colon", "GET / HTTP/1.1\npassword=\(secret)\nCookie\n \(secret)\n\n"),
    ("no line's end", "GET /?token=\(secret)"),
    ("CONNECT", "CONNECT joe:\(secret)@h:443 HTTP/1.1\nHost: joe:\(secret)@h:443\n\n"),
    ("CONNECT with a token", "CONNECT \(secret):@h:443 HTTP/1.1\n\n"),
    (
      "an upgrade",
      "GET /chat?token=\(secret) HTTP/1.1\nHost: h\nUpgrade: websocket\nConnection: Upgrade\n"
        + "Sec-WebSocket-Key: \(SecretWatch.plain64)\nSec-WebSocket-Protocol: token, \(secret)\n\n"
    ),
    (
      "too many fields",
      "GET / HTTP/1.1\n" + String(repeating: "A: token=\(secret)\n", count: 1200)
        + "Authorization: Basic \(basic)\n\n"
    ),
  ]
}
