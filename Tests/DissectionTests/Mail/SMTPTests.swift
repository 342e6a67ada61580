import Foundation
import Testing

@testable import Dissection

@Suite struct SMTPTests {
  static let hello: [Dialogue.Turn] = [
    .server("220 mail.example.com ESMTP\n"),
    .client("EHLO client.example.com\n"),
    .server("250-mail.example.com\n250-PIPELINING\n250 8BITMIME\n"),
  ]

  static let mail = """
    Received: from b.example (b.example [192.0.2.2])
    \tby c.example; Mon, 1 Jan 2024 00:00:02 +0000
    Received: from a.example by b.example; Mon, 1 Jan 2024 00:00:01 +0000
    From: "Alice, A." <alice@example.com>
    To: bob@example.com, "Carol, C." <carol@example.com>
    Cc: (a, comment) dave@example.com
    Subject: =?utf-8?B?R3LDvMOfZQ==?= =?iso-8859-1?Q?_und_K=FCsse?= plain
    Message-ID: <1@example.com>
    Date: Mon, 1 Jan 2024 00:00:00 +0000
    X-Mailer: Test 1.0
    Reply-To: reply@example.com
    In-Reply-To: <0@example.com>
    X-Originating-IP: [192.0.2.1]
    MIME-Version: 1.0
    Content-Type: multipart/mixed;
     boundary="outer boundary"

    preamble
    --outer boundary
    Content-Type: multipart/alternative; boundary=inner

    --inner
    Content-Type: text/plain

    text
    ..dots
    --inner--
    --outer boundary
    Content-Type: application/octet-stream; name="other.bin"
    Content-Disposition: attachment; filename*0*=UTF-8''r%C3%A9; filename*1="sum.bin"
    Content-Transfer-Encoding: base64

    SGVsbG8s
    IHdvcmxkIQ==
    --outer boundary
    Content-Type: text/plain; name="=?utf-8?Q?n=C3=A4me.txt?="
    Content-Transfer-Encoding: quoted-printable

    a=3Db=20
    soft=
    line
    --outer boundary--
    epilogue
    .

    """

  static let delivery: [Dialogue.Turn] = [
    .client("MAIL FROM:<alice@example.com> SIZE=1000\n"), .server("250 ok\n"),
    .client("RCPT TO:<bob@example.com>\n"), .server("250 ok\n"),
    .client("rcpt to: <carol@example.com>\n"), .server("250 ok\n"),
    .client("DATA\n"), .server("354 go on\n"),
    .client(mail), .server("250 2.0.0 queued as 1\n"),
  ]

  static let dialogue = Dialogue(
    port: 25, turns: hello + delivery + [.client("QUIT\n"), .server("221 bye\n")])

  static var hashing: DissectionSettings {
    var settings = DissectionSettings()
    settings.hashesFiles = true
    return settings
  }

  @Test func aMessage() throws {
    let records = Self.dialogue.records("smtp")
    #expect(records.count == 1)
    let record = records.first
    #expect(at(record, "tx_id") as? Int == 0)
    #expect(text(record, "src_ip") == "10.0.0.1")
    #expect(text(record, "smtp.helo") == "client.example.com")
    #expect(text(record, "smtp.mail_from") == "<alice@example.com>")
    #expect(
      at(record, "smtp.rcpt_to") as? [String] == ["<bob@example.com>", "<carol@example.com>"])
    #expect(text(record, "email.status") == "PARSE_DONE")
    #expect(text(record, "email.from") == "\"Alice, A.\" <alice@example.com>")
    #expect(
      at(record, "email.to") as? [String] == [
        "bob@example.com", "\"Carol, C.\" <carol@example.com>",
      ])
    #expect(at(record, "email.cc") as? [String] == ["(a, comment) dave@example.com"])
    #expect(text(record, "email.subject") == "Gr\u{fc}\u{df}e und K\u{fc}sse plain")
    #expect(text(record, "email.message_id") == "<1@example.com>")
    #expect(text(record, "email.date") == "Mon, 1 Jan 2024 00:00:00 +0000")
    #expect(text(record, "email.x_mailer") == "Test 1.0")
    #expect(text(record, "email.reply_to") == "reply@example.com")
    #expect(text(record, "email.in_reply_to") == "<0@example.com>")
    #expect(text(record, "email.x_originating_ip") == "[192.0.2.1]")
    #expect(
      at(record, "email.received") as? [String] == [
        "from b.example (b.example [192.0.2.2]) by c.example; Mon, 1 Jan 2024 00:00:02 +0000",
        "from a.example by b.example; Mon, 1 Jan 2024 00:00:01 +0000",
      ])
    #expect(at(record, "email.attachment") as? [String] == ["r\u{e9}sum.bin", "n\u{e4}me.txt"])
    #expect(at(record, "incomplete") == nil)
  }

  @Test func filesAreMeasuredAndHashed() throws {
    let files = Self.dialogue.records("fileinfo", settings: Self.hashing)
    #expect(files.count == 2)
    #expect(text(files.first, "app_proto") == "smtp")
    #expect(text(files.first, "fileinfo.filename") == "r\u{e9}sum.bin")
    #expect(at(files.first, "fileinfo.size") as? Int == 13)
    #expect(text(files.first, "fileinfo.state") == "CLOSED")
    #expect(at(files.first, "fileinfo.gaps") as? Bool == false)
    #expect(at(files.first, "fileinfo.tx_id") as? Int == 0)
    // "Hello, world!"
    #expect(
      text(files.first, "fileinfo.sha256")
        == "315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3")
    #expect(text(files.first, "smtp.mail_from") == "<alice@example.com>")
    #expect(text(files.first, "email.message_id") == "<1@example.com>")
    // "a=b \r\nsoftline"
    #expect(at(files.last, "fileinfo.size") as? Int == 14)
    #expect(text(files.last, "fileinfo.filename") == "n\u{e4}me.txt")
    let plain = Self.dialogue.records("fileinfo")
    #expect(plain.count == 2 && at(plain.first, "fileinfo.sha256") == nil)
  }

  @Test func cutsAndHoles() {
    Self.dialogue.isCutAnywhere("smtp")
    Self.dialogue.isCutAnywhere("fileinfo", settings: Self.hashing)
    Self.dialogue.survivesHoles(settings: Self.hashing)
    Self.dialogue.survivesEnds(settings: Self.hashing, step: 3)
  }

  /// A message that is forwarded as a part: what is attached to it is told of, and the outer one goes on behind it.
  @Test(arguments: ["", "Content-Disposition: attachment; filename=\"old.eml\"\n"])
  func aMessageWithinTheMessage(_ disposition: String) {
    let mail = """
      From: a@example.com
      Subject: Fwd: old
      Content-Type: multipart/mixed; boundary=outer

      --outer
      Content-Type: text/plain

      see below
      --outer
      Content-Type: message/rfc822
      \(disposition)
      From: c@example.com
      Subject: old
      Content-Type: multipart/mixed; boundary=inner

      --inner
      Content-Type: application/octet-stream; name="inner.bin"
      Content-Transfer-Encoding: base64

      SGVsbG8sIHdvcmxkIQ==
      --inner--
      --outer
      Content-Type: application/octet-stream; name="outer.bin"

      outer
      --outer--
      .

      """
    let dialogue = Dialogue(
      port: 25,
      turns: Self.hello + Self.delivery.dropLast(2) + [.client(mail), .server("250 ok\n")])
    let record = dialogue.records("smtp").first
    #expect(
      text(record, "email.subject") == "Fwd: old" && text(record, "email.from") == "a@example.com")
    #expect(
      at(record, "email.attachment") as? [String]
        == (disposition.isEmpty ? [] : ["old.eml"]) + ["inner.bin", "outer.bin"])
    let files = dialogue.records("fileinfo", settings: Self.hashing)
    #expect(files.map { text($0, "fileinfo.filename") } == ["inner.bin", "outer.bin"])
    // "Hello, world!"
    #expect(
      text(files.first, "fileinfo.sha256")
        == "315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3")
    #expect(files.allSatisfy { text($0, "fileinfo.state") == "CLOSED" })
    dialogue.isCutAnywhere("fileinfo", settings: Self.hashing)
  }

  @Test func headersOnly() {
    var settings = DissectionSettings()
    settings.isHeaderOnly = true
    let record = Self.dialogue.records("smtp", settings: settings).first
    #expect(text(record, "email.message_id") == "<1@example.com>")
    #expect(at(record, "email.subject") == nil)
    #expect(at(record, "email.attachment") == nil)
    let file = Self.dialogue.records("fileinfo", settings: settings).first
    #expect(file != nil && at(file, "fileinfo.filename") == nil)
  }

  @Test func severalMessages() {
    let second: [Dialogue.Turn] = [
      .client("RSET\nMAIL FROM:<>\nRCPT TO:<x@example.com>\nDATA\n"),
      .server("250 ok\n250 ok\n250 ok\n354 go\n"),
      .client("Subject: two\n\nbody\n.\nMAIL FROM:<third@example.com>\nRSET\n"),
      .server("250 queued\n250 ok\n250 ok\n"),
    ]
    let dialogue = Dialogue(port: 25, turns: Self.hello + Self.delivery + second)
    let records = dialogue.records("smtp")
    #expect(records.compactMap { at($0, "tx_id") as? Int } == [0, 1, 2])
    #expect(text(records[1], "smtp.mail_from") == "<>")
    #expect(text(records[1], "email.subject") == "two")
    #expect(at(records[1], "email.from") == nil)
    #expect(text(records[2], "smtp.mail_from") == "<third@example.com>")
    #expect(at(records[2], "email") == nil)
    dialogue.isCutAnywhere("smtp")
  }

  @Test func loginsAreNamedAndNeverShown() {
    let secrets = "c2VjcmV0LXBhc3N3b3Jk"
    let login: [Dialogue.Turn] = [
      .client("AUTH LOGIN\n"), .server("334 VXNlcm5hbWU6\n"),
      .client("\(secrets)\n"), .server("334 UGFzc3dvcmQ6\n"),
      .client("MAIL FROM:<\(secrets)>\n"), .server("235 ok\n"),
      .client("AUTH PLAIN \(secrets)\n"), .server("503 done\n"),
    ]
    let dialogue = Dialogue(port: 587, turns: Self.hello + login + Self.delivery)
    let records = dialogue.records("smtp")
    #expect(records.count == 1)
    #expect(text(records.first, "smtp.auth_mechanism") == "PLAIN")
    #expect(!Dialogue.text(records).contains(secrets))
  }

  @Test func chunks() {
    let head = "From: a@example.com\r\nSubject: in chu"
    let rest = "nks\r\n\r\nbody\r\n"
    let dialogue = Dialogue(
      port: 25,
      turns: Self.hello + [
        .client("MAIL FROM:<a@example.com>\n"), .server("250 ok\n"),
        .client("RCPT TO:<b@example.com>\n"), .server("250 ok\n"),
        .clientBytes(Array("BDAT \(head.utf8.count)\r\n\(head)".utf8)), .server("250 ok\n"),
        .clientBytes(Array("BDAT \(rest.utf8.count)\r\n\(rest)BDAT 0 LAST\r\n".utf8)),
        .server("250 ok\n250 queued\n"),
        .client("BDAT 5 X\n"), .server("501 no\n"),
      ])
    let records = dialogue.records("smtp")
    #expect(records.count == 1)
    #expect(text(records.first, "email.subject") == "in chunks")
    #expect(text(records.first, "email.status") == "PARSE_DONE")
    dialogue.isCutAnywhere("smtp")
    dialogue.survivesHoles()
    dialogue.survivesEnds()
  }

  @Test func toTLS() {
    let bed = DissectionBed()
    let dialogue = Dialogue(
      port: 25,
      turns: Self.hello + [.client("STARTTLS\n"), .server("220 ready\n")])
    dialogue.say(on: bed)
    bed.finish()
    #expect(bed.records("smtp").count == 1)
    let flow = bed.records("flow").first
    #expect(text(flow, "app_proto_orig") == "smtp")
    #expect(text(flow, "app_proto") == "tls")
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  @Test func dataThatIsRefused() {
    let dialogue = Dialogue(
      port: 25,
      turns: Self.hello + [
        .client("MAIL FROM:<a@example.com>\n"), .server("250 ok\n"),
        .client("DATA\n"), .server("503 no recipients\n"),
        .client("RCPT TO:<b@example.com>\n"), .server("250 ok\n"), .client("QUIT\n"),
      ])
    let records = dialogue.records("smtp")
    #expect(records.count == 1)
    #expect(at(records.first, "smtp.rcpt_to") as? [String] == ["<b@example.com>"])
    #expect(at(records.first, "email") == nil)
  }

  @Test func aHoleInTheBodyIsSaid() {
    let bed = DissectionBed(Self.hashing)
    let wire = Wire(on: bed, to: 25)
    wire.handshake()
    for turn in Self.hello + Self.delivery.dropLast(2) {
      wire.send(turn.bytes, toServer: turn.isToServer)
    }
    let head =
      "Subject: hole\r\nContent-Type: application/x; name=a\r\nContent-Transfer-Encoding: base64"
    wire.send(head + "\r\n\r\nQUJD\r\n", toServer: true)
    wire.lose(1000, toServer: true)
    wire.send("QUJD\r\n.\r\n", toServer: true)
    wire.send("250 ok\r\n", toServer: false)
    wire.close()
    bed.finish()
    let record = bed.records("smtp").first
    #expect(at(record, "incomplete") as? Bool == true)
    #expect(at(record, "missing_bytes") as? Int == 1000)
    let file = bed.records("fileinfo").first
    #expect(text(file, "fileinfo.state") == "TRUNCATED")
    #expect(at(file, "fileinfo.gaps") as? Bool == true)
    #expect(at(file, "fileinfo.missing_bytes") as? Int == 1000)
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  @Test func hostileMessages() {
    let many = (0..<2000).map { "RCPT TO:<\($0)@example.com>" }.joined(separator: "\n")
    let deep = (0..<40).map {
      "Content-Type: multipart/mixed; boundary=b\($0)\n\n--b\($0)\n"
    }.joined()
    let long = String(repeating: "a", count: 200_000)
    let dialogue = Dialogue(
      port: 25,
      turns: Self.hello + [
        .client("MAIL FROM:<\(long)>\n"), .server("250 ok\n"), .client(many + "\n"),
        .client("DATA\n"), .server("354 go\n"),
        .client("X-Long: \(long)\nTo: \(String(repeating: "x@y,", count: 50_000))\n"),
        .client("Subject: kept\n\(deep)"), .client("\(long)\n.\n"), .server("250 ok\n"),
      ])
    let record = dialogue.records("smtp").first
    #expect((at(record, "smtp.rcpt_to") as? [Any])?.count == 256)
    #expect(at(record, "truncated") as? Bool == true)
    #expect(text(record, "email.subject") == "kept")
  }

  /// What a chunk left of a line is given back when a hole cuts the next one, which leaves something, too.
  @Test func aHoleBetweenChunks() {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 25)
    wire.handshake()
    wire.send("220 a ESMTP\r\n", toServer: false)
    wire.send(
      "EHLO a\r\nMAIL FROM:<a@b>\r\nBDAT 10\r\nSubject: aBDAT 100\r\nbbbbbbbbbb", toServer: true)
    wire.lose(50, toServer: true)
    wire.send(String(repeating: "c", count: 40), toServer: true)
    wire.send("250 ok\r\n", toServer: false)
    wire.close()
    bed.finish()
    #expect(bed.records("smtp").count == 1)
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  @Test func whatItIsToldBy() {
    func probe(_ text: String, toServer: Bool, port: UInt16 = 4000) -> Probe {
      let bytes = Array(text.utf8)
      return bytes.withUnsafeBufferPointer { buffer in
        SMTPStream.probe(
          Bytes(buffer.baseAddress!, buffer.count),
          ProbeContext(isToServer: toServer, isTCP: true, serverPort: port, clientPort: 5000))
      }
    }
    #expect(probe("EHLO x\r\n", toServer: true) == .yes)
    #expect(probe("HE", toServer: true) == .maybe)
    #expect(probe("GET / HTTP/1.1\r\n", toServer: true, port: 25) == .no)
    #expect(probe("220 x ESMTP\r\n", toServer: false) == .yes)
    #expect(probe("220 x FTP server\r\n", toServer: false, port: 25) == .no)
    #expect(probe("220 x\r\n", toServer: false) == .maybe)
    #expect(probe("220 x\r\n", toServer: false, port: 25) == .yes)
    #expect(probe("SSH-2.0-x\r\n", toServer: false, port: 25) == .no)
  }

  @Test func statesAreSmall() {
    #expect(MemoryLayout<SMTPStream.State>.stride <= FlowState.ownBytes)
    // A block of 2 KiB for as long as a mail comes.
    #expect(MemoryLayout<MIMEReader>.stride <= 2048)
    #expect(MemoryLayout<SSHStream.State>.stride <= FlowState.ownBytes)
    #expect(MemoryLayout<FTPStream.State>.stride <= FlowState.ownBytes)
    #expect(MemoryLayout<FTPDataStream.State>.stride <= FlowState.ownBytes)
    #expect(MemoryLayout<POP3Stream.State>.stride <= FlowState.ownBytes)
    #expect(MemoryLayout<IMAPStream.State>.stride <= FlowState.ownBytes)
    #expect(MemoryLayout<TelnetStream.State>.stride <= FlowState.ownBytes)
    #expect(MemoryLayout<AnnouncedTransfer>.stride <= AnnouncedTransfer.byteCount)
  }
}
