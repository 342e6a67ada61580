import Foundation
import Testing

@testable import Dissection

@Suite struct FTPTests {
  static let control = Dialogue(
    port: 21,
    turns: [
      .server("220-Welcome\n to us\n220 example FTP\n"),
      .client("USER bob\n"), .server("331 Password for bob\n"),
      .client("PASS hunter22\n"), .server("230 hunter22 is right\n"),
      .client("PASV\n"), .server("227 Entering Passive Mode (192,168,1,1,78,53).\n"),
      .client("RETR dir/file.txt\n"), .server("150 Opening\n"), .server("226 Done\n"),
      .client("EPRT |1|132.235.1.2|6275|\n"), .server("200 ok\n"),
      .client("QUIT\n"), .server("221 Bye\n"),
    ])

  @Test func commands() {
    let records = Self.control.records("ftp")
    #expect(records.count == 7)
    #expect(at(records[0], "ftp.command") == nil)
    #expect(at(records[0], "ftp.completion_code") as? [String] == ["220", "220"])
    #expect(at(records[0], "ftp.reply") as? [String] == ["Welcome", " to us", "example FTP"])
    #expect(text(records[1], "ftp.command") == "USER")
    #expect(text(records[1], "ftp.command_data") == "bob")
    #expect(at(records[1], "ftp.command_truncated") as? Bool == false)
    #expect(text(records[2], "ftp.command_data") == "***")
    #expect(at(records[2], "ftp.reply") as? [String] == ["***"])
    #expect(text(records[2], "ftp.user") == "bob")
    #expect(at(records[3], "ftp.dynamic_port") as? Int == 78 * 256 + 53)
    #expect(text(records[3], "ftp.mode") == "passive")
    #expect(at(records[4], "ftp.completion_code") as? [String] == ["150", "226"])
    #expect(text(records[4], "ftp.reply_received") == "yes")
    #expect(at(records[4], "ftp.reply_truncated") as? Bool == false)
    #expect(at(records[5], "ftp.dynamic_port") as? Int == 6275)
    #expect(text(records[5], "ftp.mode") == "active")
    #expect(records.compactMap { at($0, "tx_id") as? Int } == Array(0..<7))
    #expect(!Dialogue.text(records).contains("hunter22"))
  }

  /// A reply without a port has none, whatever the one before it said.
  @Test func repliesWithoutAPort() {
    let records = Dialogue(
      port: 21,
      turns: [
        .server("220 example FTP\n"),
        .client("PASV\n"), .server("227 Entering Passive Mode (192,168,1,1,78,53).\n"),
        .client("PASV\n"), .server("227 Entering Passive Mode.\n"),
        .client("EPSV\n"), .server("229 Extended Passive Mode\n"),
      ]
    ).records("ftp")
    #expect(
      records.dropFirst().map { at($0, "ftp.dynamic_port") as? Int } == [78 * 256 + 53, nil, nil])
  }

  @Test func cutsAndHoles() {
    Self.control.isCutAnywhere("ftp")
    Self.control.survivesHoles()
    Self.control.survivesEnds()
  }

  @Test func headersOnly() {
    var settings = DissectionSettings()
    settings.isHeaderOnly = true
    let shown = Dialogue.text(Self.control.records("ftp", settings: settings))
    #expect(!shown.contains("file.txt") && shown.contains("RETR") && shown.contains("226"))
  }

  /// The data channel is told by what the control connection said, and by nothing else.
  @Test(arguments: [1, 1460]) func dataChannel(size: Int) {
    var settings = DissectionSettings()
    settings.hashesFiles = true
    let bed = DissectionBed(settings)
    let control = Wire(on: bed, to: 21)
    control.handshake()
    for turn in Self.control.turns.prefix(9) {
      control.send(turn.bytes, toServer: turn.isToServer, size: size)
    }
    let data = Wire(on: bed, to: 78 * 256 + 53, from: 50_000)
    data.time = control.time
    data.handshake()
    data.send("GET / HTTP/1.0\r\n\r\n", toServer: false, size: size)
    data.close()
    control.close()
    let stranger = Wire(on: bed, to: 78 * 256 + 53, from: 50_001)
    stranger.handshake()
    stranger.send("\u{1}\u{2}\u{3}", toServer: false)
    stranger.close()
    bed.finish()
    let records = bed.records("ftp_data")
    #expect(records.count == 1)
    #expect(text(records.first, "ftp_data.filename") == "dir/file.txt")
    #expect(text(records.first, "ftp_data.command") == "RETR")
    let files = bed.records("fileinfo")
    #expect(files.count == 1)
    #expect(text(files.first, "app_proto") == "ftp-data")
    #expect(at(files.first, "fileinfo.size") as? Int == 18)
    #expect(text(files.first, "fileinfo.state") == "CLOSED")
    #expect(text(files.first, "src_ip") == "10.0.0.2")
    #expect(text(files.first, "fileinfo.sha256")?.count == 64)
    let flows = bed.records("flow").filter { text($0, "app_proto") == "ftp-data" }
    #expect(flows.count == 1)
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  @Test func manyAnnouncements() {
    let ports = (0..<3000).map { "PORT 10,0,0,1,\($0 / 256 + 4),\($0 % 256)\n" }.joined()
    let dialogue = Dialogue(port: 21, turns: [.server("220 FTP\n"), .client(ports)])
    #expect(dialogue.records("ftp").count == 3001)
  }

  @Test func ports() {
    func port(_ text: StaticString) -> UInt16? { FTPStream.port(Bytes(text)) }
    #expect(port("10,0,0,1,4,1") == 1025)
    #expect(port("Entering (10,0,0,1,4,1)") == 1025)
    #expect(port("Entering 10,0,0,1,4,1") == 1025)
    #expect(port("10,0,0,1,256,1") == nil)
    #expect(port("10,0,0,1,4") == nil)
    #expect(port("") == nil)
    func extended(_ text: StaticString) -> UInt16? { FTPStream.extendedPort(Bytes(text)) }
    #expect(extended("|2|::1|5282|") == 5282)
    #expect(extended("ok (|||6446|)") == 6446)
    #expect(extended("|||66446|") == nil)
    #expect(extended("|||") == nil)
  }

  @Test func tooLong() {
    let long = String(repeating: "A", count: 10_000)
    let dialogue = Dialogue(
      port: 21,
      turns: [
        .server("220 FTP\n"), .client("RETR \(long)\n"), .server("550 \(long)\n"),
        .client("RETR b\n"), .server("550 no\n"),
      ])
    let records = dialogue.records("ftp")
    #expect(text(records[1], "ftp.command_data")?.count == 4091)
    #expect(at(records[1], "ftp.command_truncated") as? Bool == true)
    #expect(at(records[1], "ftp.reply_truncated") as? Bool == true)
    #expect(text(records[2], "ftp.command_data") == "b")
    dialogue.isCutAnywhere("ftp")
  }

  @Test func toTLS() {
    let bed = DissectionBed()
    Dialogue(
      port: 21,
      turns: [.server("220 x FTP\n"), .client("AUTH TLS\n"), .server("234 go\n")]
    ).say(on: bed)
    bed.finish()
    #expect(text(bed.records("flow").first, "app_proto_orig") == "ftp")
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }
}

@Suite struct POP3Tests {
  static let dialogue = Dialogue(
    port: 110,
    turns: [
      .server("+OK POP3 ready\n"),
      .client("USER bob\n"), .server("+OK\n"),
      .client("PASS hunter22\n"), .server("-ERR no\n"),
      .client("APOP bob c4c9334bac560ecc979e58001b3e22fb\n"), .server("+OK in\n"),
      .client("AUTH PLAIN\n"), .server("+ \n"), .client("AGJvYgBodW50ZXIyMg==\n"),
      .server("+OK in\n"),
      .client("LIST\n"), .server("+OK 2 messages\n1 120\n2 200\n.\n"),
      .client("RETR 1\nDELE 1\n"), .server("+OK\nSubject: x\n\n..\nbody\n.\n+OK gone\n"),
      .client("QUIT\n"), .server("+OK bye\n"),
    ])

  @Test func commands() {
    let records = Self.dialogue.records("pop3")
    let names = records.map { text($0, "pop3.request.command") ?? "" }
    #expect(
      names == ["", "USER", "PASS", "APOP", "AUTH", "<SASL DATA>", "LIST", "RETR", "DELE", "QUIT"])
    #expect(text(records[0], "pop3.response.header") == "POP3 ready")
    #expect(at(records[1], "pop3.request.args") as? [String] == ["bob"])
    #expect(at(records[2], "pop3.request.args") as? [String] == ["***"])
    #expect(text(records[2], "pop3.response.status") == "ERR")
    #expect(at(records[2], "pop3.response.success") as? Bool == false)
    #expect(at(records[3], "pop3.request.args") as? [String] == ["bob", "***"])
    #expect(at(records[4], "pop3.request.args") as? [String] == ["PLAIN"])
    #expect(text(records[4], "pop3.response.header")?.isEmpty == true)
    #expect(at(records[6], "pop3.response.data") as? [String] == ["1 120", "2 200"])
    #expect(at(records[7], "pop3.response.data") == nil)
    #expect(at(records[7], "pop3.response.data_bytes") as? Int == 24)
    #expect(text(records[8], "pop3.response.header") == "gone")
    let all = Dialogue.text(records)
    for secret in ["hunter22", "c4c93", "AGJvYg"] { #expect(!all.contains(secret)) }
  }

  @Test func cutsAndHoles() {
    Self.dialogue.isCutAnywhere("pop3")
    Self.dialogue.survivesHoles()
    Self.dialogue.survivesEnds()
  }

  @Test func toTLS() {
    let bed = DissectionBed()
    Dialogue(
      port: 110, turns: [.server("+OK POP3\n"), .client("STLS\n"), .server("+OK go\n")]
    ).say(on: bed)
    bed.finish()
    #expect(text(bed.records("flow").first, "app_proto_orig") == "pop3")
  }
}

@Suite struct IMAPTests {
  static let dialogue = Dialogue(
    port: 143,
    turns: [
      .server("* OK IMAP4rev1 ready\n"),
      .client("a1 CAPABILITY\n"),
      .server("* CAPABILITY IMAP4rev1 IDLE\na1 OK done\n"),
      .client("a2 LOGIN bob hunter22\n"), .server("a2 NO wrong\n"),
      .client("a3 LOGIN {3}\n"), .server("+ go\n"), .client("bob {8}\n"), .server("+ go\n"),
      .client("hunter22\n"), .server("a3 OK in\n"),
      .client("a4 AUTHENTICATE PLAIN\n"), .server("+ \n"), .client("AGJvYgBodW50ZXIyMg==\n"),
      .server("a4 OK in\n"),
      .client("a5 SELECT \"Sent Items\"\na6 UID FETCH 1:* (BODY[])\n"),
      .server("* 1 EXISTS\na5 OK [READ-WRITE] done\n"),
      .server("* 1 FETCH (BODY[] {12}\na5 NO x\n\na) FLAGS)\na6 OK done\n"),
      .client("a7 LOGOUT\n"), .server("* BYE\na7 OK bye\n"),
    ])

  @Test func commands() {
    let records = Self.dialogue.records("imap")
    #expect(
      records.map { text($0, "imap.command") ?? "" } == [
        "", "CAPABILITY", "LOGIN", "LOGIN", "AUTHENTICATE", "SELECT", "UID FETCH", "LOGOUT",
      ])
    #expect(text(records[0], "imap.status") == "OK")
    #expect(text(records[0], "imap.reply") == "IMAP4rev1 ready")
    #expect(text(records[1], "imap.capabilities") == "IMAP4rev1 IDLE")
    #expect(text(records[2], "imap.user") == "bob")
    #expect(text(records[2], "imap.status") == "NO")
    #expect(text(records[3], "imap.user") == "bob")
    #expect(text(records[3], "imap.tag") == "a3")
    #expect(text(records[4], "imap.auth_mechanism") == "PLAIN")
    #expect(text(records[5], "imap.mailbox") == "Sent Items")
    #expect(text(records[6], "imap.status") == "OK")
    #expect(at(records[6], "imap.data_bytes") as? Int == 12)
    let all = Dialogue.text(records)
    for secret in ["hunter22", "AGJvYg"] { #expect(!all.contains(secret)) }
  }

  /// A login whose answer a hole hides, or that nobody answers for long, does not hide what follows.
  /// Commands are shown in capitals, whatever is in them.
  @Test func capitals() {
    let records = Dialogue(
      port: 110,
      turns: [
        .server("+OK POP3 ready\n"), .client("utf8\n"), .server("+OK\n"), .client("Quit\n"),
        .server("+OK\n"),
      ]
    ).records("pop3")
    let requests = records.compactMap {
      ($0["pop3"] as? [String: Any])?["request"] as? [String: Any]
    }
    #expect(requests.map { $0["command"] as? String } == ["UTF8", "QUIT"])
  }

  @Test func loginsWithoutAnswers() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 143)
    wire.handshake()
    wire.send("* OK IMAP4rev1\r\n", toServer: false)
    wire.send("a1 AUTHENTICATE PLAIN\r\n", toServer: true)
    wire.lose(20, toServer: false)
    wire.send("AGJvYgBodW50ZXIyMg==\r\na2 SELECT INBOX\r\n", toServer: true)
    wire.send("* 1 EXISTS\r\na2 OK done\r\n", toServer: false)
    wire.send("a3 SELECT Trash\r\n", toServer: true)
    wire.send("a3 OK done\r\n", toServer: false)
    // The hole is one when what stands behind it has been acknowledged.
    wire.send("a4 SELECT Junk\r\n", toServer: true)
    wire.send("a4 OK done\r\n", toServer: false)
    wire.close()
    bed.finish()
    #expect(bed.records("imap").contains { text($0, "imap.mailbox") == "Junk" })
    #expect(!bed.lines.joined().contains("AGJv"))
    let many = Dialogue(
      port: 143,
      turns: [.server("* OK IMAP4rev1\n"), .client("a0 AUTHENTICATE PLAIN\n")]
        + (1...9).flatMap { _ in [.client("*\n")] }
        + [.server("a0 BAD no\n"), .client("b NOOP\n"), .server("b OK\n")]
    ).records("imap")
    #expect(many.compactMap { text($0, "imap.command") } == ["AUTHENTICATE", "NOOP"])
  }

  @Test func cutsAndHoles() {
    Self.dialogue.isCutAnywhere("imap")
    Self.dialogue.survivesHoles()
    Self.dialogue.survivesEnds()
  }

  @Test func toTLS() {
    let bed = DissectionBed()
    Dialogue(
      port: 143, turns: [.server("* OK x\n"), .client("a STARTTLS\n"), .server("a OK go\n")]
    ).say(on: bed)
    bed.finish()
    #expect(text(bed.records("flow").first, "app_proto_orig") == "imap")
  }
}

@Suite struct TelnetTests {
  static let dialogue = Dialogue(
    port: 23,
    turns: [
      .serverBytes([0xff, 0xfd, 0x18, 0xff, 0xfd, 0x20]),
      .clientBytes([0xff, 0xfb, 0x18, 0xff, 0xfa, 0x18, 0, 0x78, 0xff, 0xf0]),
      .server("\nBig Iron 1.0\nlogin: "), .client("bod\u{8}b\n"), .server("bob\nPassword: "),
      .client("hunter22\n"), .server("\nLogin incorrect\nlogin: "),
      .client("root\n"), .server("root\nPassword: "), .client("hunter23\n"),
      .server("\nLast login: Monday\n# "),
    ])

  @Test func logins() {
    let records = Self.dialogue.records("telnet")
    #expect(records.count == 2)
    #expect(text(records[0], "telnet.banner") == "Big Iron 1.0")
    #expect(text(records[0], "telnet.user") == "bob")
    #expect(text(records[0], "telnet.password") == "***")
    #expect(at(records[0], "telnet.success") as? Bool == false)
    #expect(text(records[1], "telnet.user") == "root")
    #expect(at(records[1], "telnet.success") as? Bool == true)
    #expect(!Dialogue.text(records).contains("hunter"))
  }

  /// A prompt is asked once: a blank behind it that comes late is no second one.
  @Test func blanksBehindAPrompt() {
    let records = Dialogue(
      port: 23,
      turns: [
        .serverBytes([0xff, 0xfd, 0x18, 0xff, 0xfd, 0x20]),
        .server("login:"), .client("bob\n"), .server("bob\nPassword:"), .client("hunter22\n"),
        .server(" "), .server("\nWelcome\n# "),
      ]
    ).records("telnet")
    #expect(records.count == 1)
    #expect(text(records.first, "telnet.user") == "bob")
    #expect(at(records.first, "telnet.success") as? Bool == true)
  }

  @Test func cutsAndHoles() {
    Self.dialogue.isCutAnywhere("telnet")
    Self.dialogue.survivesHoles()
    Self.dialogue.survivesEnds()
  }
}
