import Foundation
import Testing

@testable import Dissection

/// Addresses of the web in mails: found in what was decoded, wherever lines, segments and encodings cut
/// them.
@Suite struct MailLinkTests {
  /// Addresses in a text that comes in pieces of `size`.
  private func links(_ text: String, size: Int) -> [String] {
    var links = MIMELinks()
    var found: [String] = []
    func note(_ bytes: Bytes) {
      found.append(
        String(decoding: UnsafeBufferPointer(start: bytes.base, count: bytes.count), as: UTF8.self))
    }
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: size) {
      Array(bytes[start..<min(start + size, bytes.count)]).withUnsafeBufferPointer { piece in
        links.take(Bytes(piece.baseAddress!, piece.count), note)
      }
    }
    links.finish(note)
    return found
  }

  @Test(arguments: [1, 2, 3, 7, 1000]) func whereverItIsCut(size: Int) {
    #expect(
      links("See http://a.example/x?y=1, or <HTTPS://b.example>. ftp://c.example/d.", size: size)
        == ["http://a.example/x?y=1", "https://b.example", "ftp://c.example/d"])
    #expect(
      links("hhttp://a https:/b http//c xhttp://d\r\ne", size: size) == ["http://a", "http://d"])
    #expect(links("http:// http://. https://", size: size) == [])
  }

  @Test func lengthAndNumberHaveLimits() {
    let tail = String(repeating: "a", count: 5000)
    #expect(links("http://a.example/" + tail, size: 100).map(\.count) == [MIMELinks.longest])
    // Its `@` would have told that this is a password.
    #expect(links("http://user:" + tail + "@a.example", size: 100) == [])
    let many = String(repeating: "http://a.example ", count: 100)
    #expect(links(many, size: 50).count == Int(MIMELinks.most))
  }

  private func mail(_ body: String) -> Dialogue {
    Dialogue(
      port: 25,
      turns: [
        .server("220 x ESMTP\n"), .client("EHLO a\n"), .server("250 x\n"),
        .client("MAIL FROM:<a@a>\n"), .server("250 ok\n"), .client("RCPT TO:<b@b>\n"),
        .server("250 ok\n"), .client("DATA\n"), .server("354 go\n"),
        .client("Subject: s\n" + body + "\n.\n"), .server("250 ok\n"), .client("QUIT\n"),
        .server("221 bye\n"),
      ])
  }

  private func urls(_ body: String, size: Int) -> [String] {
    let records = mail(body).records("smtp", size: size)
    return (records.first?["email"] as? [String: Any])?["url"] as? [String] ?? []
  }

  @Test(arguments: [1, 13, 1460]) func ofEveryTextPartTheLastFirst(size: Int) {
    let parts = """
      Content-Type: multipart/mixed; boundary=B

      --B
      Content-Type: text/plain
      Content-Transfer-Encoding: quoted-printable

      one http://one.example/a=
      b?token=3Dsecret&x=3D1 .
      --B
      Content-Type: text/html
      Content-Transfer-Encoding: base64

      PGEgaHJlZj0iaHR0cHM6Ly90d28uZXhhbXBsZS8i
      Pg==
      --B
      Content-Type: text/plain; name=a.txt
      Content-Disposition: attachment

      http://attached.example
      --B--
      """
    #expect(
      urls(parts, size: size) == [
        "https://two.example/", "http://one.example/ab?token=***&x=1",
      ])
  }

  @Test func whereHeadersAloneAreRecordedThereAreNone() {
    var settings = DissectionSettings()
    settings.isHeaderOnly = true
    let records = mail("\nhttp://a.example\n").records("smtp", settings: settings)
    #expect((records.first?["email"] as? [String: Any])?["url"] == nil)
    #expect(urls("\nhttp://a.example\n", size: 1460) == ["http://a.example"])
  }
}
