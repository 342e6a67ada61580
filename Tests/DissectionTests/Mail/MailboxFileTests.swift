import Foundation
import Testing

@testable import Dissection

/// Attachments of mails that IMAP and POP3 bring, where they are hashed.
@Suite struct MailboxFileTests {
  private static let hashing: DissectionSettings = {
    var settings = DissectionSettings()
    settings.hashesFiles = true
    return settings
  }()

  /// With line ends as ``Dialogue`` has them.
  static let header = """
    From: a@example.test
    Subject: two
     lines
    Content-Type: multipart/mixed; boundary=xyz


    """
  static let body = """
    --xyz
    Content-Type: text/plain

    password=hunter22
    --xyz
    Content-Disposition: attachment; filename="a.txt"
    Content-Transfer-Encoding: base64

    aGVsbG8g
    d29ybGQ=
    --xyz--

    """

  private static func length(_ text: String) -> Int {
    text.utf8.count + text.filter { $0 == "\n" }.count
  }

  private static let literal = "{\(length(header + body))}"

  static let imap = Dialogue(
    port: 143,
    turns: [
      .server("* OK IMAP4rev1 ready\n"),
      .client("a1 LOGIN {3}\n"), .server("+ go on\n"), .client("bob {8}\n"), .server("+ go on\n"),
      .client("hunter22\n"), .server("a1 OK done\n"),
      .client("a2 FETCH 1:2 (FLAGS BODY[])\n"),
      .server("* 1 FETCH (FLAGS () BODY[] \(literal)\n\(header)\(body))\n"),
      .server("* 2 FETCH (BODY[HEADER.FIELDS (FROM)] {10}\nFrom: a@b\n)\na2 OK done\n"),
      .client("a3 FETCH 3 (BODY[HEADER] BODY[TEXT])\n"),
      .server("* 3 FETCH (BODY[HEADER] {\(length(header))}\n\(header)"),
      .server(" BODY[TEXT]<0> {29}\n\(body.prefix(28)))\n"),
      .server("* 3 FETCH (BODY[TEXT]<29> {\(length(body) - 29)}\n\(body.dropFirst(28)))\n"),
      .server("a3 OK done\n"),
      .client("a4 APPEND Drafts \(literal)\n"), .server("+ go on\n"),
      .client(header + body + "\n"), .server("a4 OK done\n"),
      .client("a5 LOGOUT\n"), .server("* BYE\na5 OK\n"),
    ])

  static let pop3 = Dialogue(
    port: 110,
    turns: [
      .server("+OK POP3 ready\n"), .client("USER bob\n"), .server("+OK\n"),
      .client("PASS hunter22\n"), .server("+OK\n"), .client("RETR 1\n"),
      .server("+OK\n\(header)\(body).\n"), .client("TOP 2 5\n"),
      .server("+OK\n\(header)\(body.prefix(149))\n.\n"), .client("LIST\n"),
      .server("+OK\n1 10\n.\n"), .client("QUIT\n"), .server("+OK bye\n"),
    ])

  private static let hash = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"

  @Test func ofIMAP() {
    let records = Self.imap.records("fileinfo", settings: Self.hashing)
    #expect(records.map { text($0, "fileinfo.sha256") } == [Self.hash, Self.hash, Self.hash])
    #expect(records.map { text($0, "fileinfo.filename") } == ["a.txt", "a.txt", "a.txt"])
    #expect(records.map { text($0, "imap.command") } == ["FETCH", "FETCH", "APPEND"])
    #expect(records.allSatisfy { text($0, "email.subject") == "two lines" })
    #expect(text(records[0], "fileinfo.state") == "CLOSED")
    #expect(text(records[2], "imap.mailbox") == "Drafts")
    // Who sends it is the source.
    #expect(records.map { at($0, "src_port") as? Int } == [143, 143, 40_000])
    // What it was a part of has its number.
    let commands = Self.imap.records("imap", settings: Self.hashing)
    for record in records {
      let number = at(record, "fileinfo.tx_id") as? Int
      let command = commands.first { at($0, "tx_id") as? Int == number }
      #expect(text(command, "imap.command") == text(record, "imap.command"))
    }
    #expect(Dialogue.text(commands) == Dialogue.text(Self.imap.records("imap")))
  }

  @Test func ofPOP3() {
    let records = Self.pop3.records("fileinfo", settings: Self.hashing)
    #expect(records.count == 2)
    #expect(text(records.first, "fileinfo.sha256") == Self.hash)
    #expect(text(records.first, "pop3.request.command") == "RETR")
    #expect(text(records.last, "pop3.request.command") == "TOP")
    #expect(records.map { text($0, "fileinfo.state") } == ["CLOSED", "TRUNCATED"])
    #expect(records.map { at($0, "src_port") as? Int } == [110, 110])
    // The commands' records are what they are without.
    #expect(
      Dialogue.text(Self.pop3.records("pop3", settings: Self.hashing))
        == Dialogue.text(Self.pop3.records("pop3")))
  }

  @Test func nothingWithoutHashes() {
    #expect(Self.imap.records("fileinfo").isEmpty && Self.pop3.records("fileinfo").isEmpty)
  }

  @Test(arguments: [("imap", imap), ("pop3", pop3)]) func cutsAndHoles(
    _ type: String, _ dialogue: Dialogue
  ) {
    dialogue.isCutAnywhere("fileinfo", settings: Self.hashing)
    dialogue.isCutAnywhere(type, settings: Self.hashing)
    dialogue.survivesHoles(settings: Self.hashing)
    dialogue.survivesEnds(settings: Self.hashing)
    #expect(!Dialogue.text(dialogue.records("fileinfo", settings: Self.hashing)).contains("hunter"))
  }

  /// No memory is left for a reader: the commands are told as without one.
  @Test func withoutMemory() {
    var settings = Self.hashing
    settings.bufferBytes = 64 << 10
    for (type, dialogue) in [("imap", Self.imap), ("pop3", Self.pop3)] {
      let bed = DissectionBed(settings)
      // As long as it lasts all of it is taken.
      while bed.dissection.pointee.core.blocks.take(1) != 0 {}
      dialogue.say(on: bed)
      #expect(bed.records("fileinfo").isEmpty, "\(type)")
    }
  }
}
