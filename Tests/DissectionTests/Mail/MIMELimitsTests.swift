import Foundation
import Testing

@testable import Dissection

/// Headers and bodies of mails that are made to cost time.
@Suite struct MIMELimitsTests {
  static func mail(_ lines: String) -> Dialogue {
    Dialogue(
      port: 25,
      turns: SMTPTests.hello + [
        .client("MAIL FROM:<a@example.com>\n"), .server("250 ok\n"),
        .client("RCPT TO:<b@example.com>\n"), .server("250 ok\n"),
        .client("DATA\n"), .server("354 go on\n"), .client(lines + "\n.\n"), .server("250 ok\n"),
      ])
  }

  /// Words that do not end, or are none, beside one that is: `?=` is looked for once, not once a word.
  @Test(arguments: [
    ("=?utf-8?q?b?= c", "b c"),
    ("=?x?z?y =?utf-8?q?b?= c", "=?x?z?y b c"),
    ("=?utf-8?q??= d", " d"),
    ("=?utf-8?q?a?= =?utf-8?q?b?= =?a?b", "ab =?a?b"),
    ("=?a?b?x=?a?b?x", "=?a?b?x=?a?b?x"),
    ("=?utf-8?x?=?utf-8?q?b?= c", "=?utf-8?x?b c"),
  ])
  func encodedWords(field: String, shown: String) {
    let records = Self.mail("Subject: \(field)\n\nbody").records("smtp")
    #expect(
      text(records.first, "email.subject")?.trimmingCharacters(in: .whitespaces)
        == shown.trimmingCharacters(in: .whitespaces))
  }

  /// Ends are found in their order, each as if it had been looked for from its place.
  @Test func endsOfWords() {
    let text: StaticString = "=?a?q?1?==?b?q?2?=?=x?"
    var ends = MIMEWordEnds(Bytes(text))
    for place in 0...Bytes(text).count {
      #expect(ends.end(from: place) == Bytes(text).firstIndex(of: "?=", from: place), "\(place)")
    }
  }

  /// What is measured is what would be decoded, and its first bytes tell what it is, hashed or not.
  @Test(arguments: [
    "SGVsbG8s\nIHdvcmxkIQ==", "SGVsbG8s\nIHdvcmxkIQ", "S\nG\nV\ns\nb", "SG=Vs=bG8s", "====", "A",
    "SG-Vs bG8s\u{e9}\u{1}@[`{/+:;SGVs", "", "SGVsbG8sSGVsbG8s=SGVs=\n=SGVs",
  ])
  func base64(body: String) throws {
    let image = String(
      repeating: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABiVBORw0KGgoAAAANSUhEUgAAAAEAAAAB\n", count: 8)
    let dialogue = Self.mail(
      """
      Content-Type: application/octet-stream; name=a.bin
      Content-Transfer-Encoding: base64

      \(image)\(body)
      """)
    var hashing = DissectionSettings()
    hashing.hashesFiles = true
    let decoded = try #require(dialogue.records("fileinfo", settings: hashing).first)
    #expect(text(decoded, "fileinfo.mimetype") == "image/png")
    for size in [1, 3, 1460] {
      let measured = dialogue.records("fileinfo", size: size)
      #expect(measured.count == 1)
      #expect(at(measured.first, "fileinfo.size") as? Int == at(decoded, "fileinfo.size") as? Int)
      #expect(text(measured.first, "fileinfo.mimetype") == "image/png")
    }
  }

  /// A field of very many lines, however it comes: the last one decides.
  @Test func foldedLines() {
    let folds = String(repeating: "\n ", count: 1200)
    let dialogue = Self.mail("Subject: a\(folds)b\n\tc\nX-Mailer: d\n\n.e\n")
    dialogue.isCutAnywhere("smtp")
    let records = dialogue.records("smtp")
    #expect(text(records.first, "email.subject") == "a b c")
    #expect(text(records.first, "email.x_mailer") == "d")
  }

  /// Chunks that end within a field do not have it read twice.
  @Test func fieldsAcrossChunks() {
    func records(_ size: Int) -> [[String: Any]] {
      let mail = Array("Subject: a\r\n b\r\nX-Mailer: c\r\n\r\nbody\r\n".utf8)
      let chunks = stride(from: 0, to: mail.count, by: size).map {
        Array(mail[$0..<min($0 + size, mail.count)])
      }
      let turns: [Dialogue.Turn] =
        SMTPTests.hello + [
          .client("MAIL FROM:<a@example.com>\n"), .server("250 ok\n"),
          .client("RCPT TO:<b@example.com>\n"), .server("250 ok\n"),
        ]
        + chunks.enumerated().flatMap { place, chunk -> [Dialogue.Turn] in
          let last = place == chunks.count - 1 ? " LAST" : ""
          return [
            .client("BDAT \(chunk.count)\(last)\n"), .clientBytes(chunk), .server("250 ok\n"),
          ]
        }
      return Dialogue(port: 25, turns: turns).records("smtp")
    }
    let whole = Dialogue.text(records(1000).compactMap { $0["email"] as? [String: Any] })
    #expect(whole.contains("a b"))
    for size in [1, 2, 5, 11, 12, 13] {
      let cut = Dialogue.text(records(size).compactMap { $0["email"] as? [String: Any] })
      #expect(cut == whole, "chunks of \(size)")
    }
  }
}
