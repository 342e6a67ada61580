import FlowEngine
import Foundation
import Testing

@testable import Dissection

/// Secrets in URLs, queries and header fields do not get into any record.
@Suite struct RedactorTests {
  /// A header field's value as it stands in a record: the User-Agent goes through the redactor.
  static func shown(_ text: String, names: [String] = DissectionSettings.usualRedactedNames)
    -> String?
  {
    var settings = DissectionSettings()
    settings.redactedNames = names
    let records = HTTPTests.records(
      settings: settings, [(true, "GET / HTTP/1.1\r\nUser-Agent: \(text)\r\n\r\n")])
    return HTTPTests.http(records.first)["http_user_agent"] as? String
  }

  @Test(arguments: [
    ("a=1&b=2", "a=1&b=2"),
    ("password=x", "password=***"),
    ("/p?PassWord=x&y=1", "/p?PassWord=***&y=1"),
    ("/p?a=1&token=abc=def&y=1", "/p?a=1&token=***&y=1"),
    ("/p?token=", "/p?token="),
    ("/p?tokens=1&atoken=2", "/p?tokens=1&atoken=2"),
    ("/p;token=1?x=2", "/p;token=***?x=2"),
    ("/p?a=1;token=2;b=3&c=4", "/p?a=1;token=***&c=4"),
    ("/p#access_token=abc&expires=3", "/p#access_token=***&expires=3"),
    ("/p?%70assword=x&a=1", "/p?%70assword=***&a=1"),
    ("/p?user[password]=x&a=1", "/p?user[password]=***&a=1"),
    ("/p?user%5Bpassword%5D=x&a=1", "/p?user%5Bpassword%5D=***&a=1"),
    ("/p?token[]=x&a=1", "/p?token[]=***&a=1"),
    ("/p?next=%2Fl%3Ftoken%3Dx%26y%3D1&z=2", "/p?next=%2Fl%3Ftoken%3D***%26y%3D1&z=2"),
    ("http://u:p@h/x?a=1", "http://u:***@h/x?a=1"),
    ("https://u:p%40q@h:8/x", "https://u:***@h:8/x"),
    ("http://u@h/", "http://u@h/"),
    ("//u:p@h", "//u:***@h"),
    ("/r?to=http%3A%2F%2Fu%3Ap%40h%2F", "/r?to=http%3A%2F%2Fu%3A***%40h%2F"),
    ("http://h:80/@x", "http://h:80/@x"),
    ("/a?pwd=1&pwd=2&pass=3", "/a?pwd=***&pwd=***&pass=***"),
    ("ab token=\"x\", c", "ab token=***"),
    ("=&?%", "=&?%"),
    ("/p?new_password=x&a=1", "/p?new_password=***&a=1"),
    ("/p?accessToken=x&a=1", "/p?accessToken=***&a=1"),
    ("/p?X-Amz-Signature=x&a=1", "/p?X-Amz-Signature=***&a=1"),
    ("/p?user%5Bnew_password%5D=x&a=1", "/p?user%5Bnew_password%5D=***&a=1"),
    ("/p?token_type=x&pass_through=1", "/p?token_type=x&pass_through=1"),
    ("password = x", "password =***"),
    (#"{"a": 1, "Password" : "x\"y", "b": 2}"#, #"{"a": 1, "Password" : "***", "b": 2}"#),
    (#"{"token":12,"b":2}"#, #"{"token":***,"b":2}"#),
    (#"{"a":"token","b":"pass:word"}"#, #"{"a":"token","b":"pass:word"}"#),
    ("/p?q=%7B%22pwd%22%3A%22x%22%7D", "/p?q=%7B%22pwd%22%3A%22***%22%7D"),
    ("http://abcdefghijklmnopqrstuvwxyz@h/", "http://***@h/"),
    ("http://key:@h/", "http://***:@h/"),
    ("<sip:joe:x@h>;tag=1", "<sip:joe:***@h>;tag=1"),
    ("sips:joe:x@h", "sips:joe:***@h"),
    ("sip:joe@h", "sip:joe@h"),
  ])
  func masks(text: String, expected: String) {
    #expect(Self.shown(text) == expected)
  }

  @Test func namesOfFields() {
    #expect(Self.shown("anything", names: ["user-agent"]) == "***")
    #expect(Self.shown("anything", names: []) == "anything")
    #expect(Self.shown("token=x", names: []) == "token=x")
    let long = String(repeating: "n", count: 300)
    #expect(Self.shown("a\(long)=x", names: [long]) == "a\(long)=x")
    #expect(Self.shown("Name=x&Nbme=y", names: ["NAME", "nbme"]) == "Name=***&Nbme=***")
  }

  /// Everywhere that somebody could think of, in both directions, whole and in pieces.
  @Test(arguments: [1460, 1]) func noSecretAnywhere(size: Int) {
    let secret = "hunter2SECRET"
    let basic = Data("joe:\(secret)".utf8).base64EncodedString()
    let request = """
      POST http://joe:\(secret)@h/p;token=\(secret)?password=\(secret)&x=%74oken%3D\(secret) HTTP/1.1\r
      Host: joe:\(secret)@h:80\r
      User-Agent: a password=\(secret)\r
      Referer: /x?api_key=\(secret)#access_token=\(secret)\r
      Authorization: Basic \(basic)\r
      Proxy-Authorization: Bearer \(secret)\r
      Cookie: sid=\(secret); \(secret); a=b\r
      X-Forwarded-For: token=\(secret)\r
      Via: 1.1 joe:\(secret), http://joe:\(secret)@h\r
      Origin: http://joe:\(secret)@h\r
      X-Api-Key: \(secret)\r
      Upgrade: token=\(secret)\r
      Content-Type: text/plain; token=\(secret)\r
      Content-Disposition: attachment; filename="token=\(secret)"\r
      True-Client-IP: pwd=\(secret)\r
      Content-Length: \(secret.utf8.count + 9)\r
      \r
      password=\(secret)CONNECT joe:\(secret)@h:443 HTTP/1.1\r
      \r

      """.replacingOccurrences(of: "1.1 joe:\(secret), ", with: "1.1 x, ")
    let response = """
      HTTP/1.1 401 token=\(secret)\r
      Location: //joe:\(secret)@h/?sig=\(secret)\r
      Set-Cookie: sid=\(secret); Path=/\r
      Server: pass=\(secret)\r
      WWW-Authenticate: Basic token=\(secret)\r
      Content-Range: bytes token=\(secret)\r
      Content-Length: \(secret.utf8.count)\r
      \r
      \(secret)
      """
    for wantsAll in [false, true] {
      var settings = DissectionSettings()
      settings.hashesFiles = wantsAll
      settings.wantsHiddenRecords = wantsAll
      let bed = DissectionBed(settings)
      let wire = Wire(on: bed, to: 80)
      wire.handshake()
      wire.send(request, toServer: true, size: size)
      wire.send(response, toServer: false, size: size)
      wire.close()
      bed.finish()
      #expect(bed.records("http").count == 2)
      for line in bed.lines {
        #expect(!line.contains(secret) && !line.contains(basic), "\(line)")
      }
    }
  }
}
