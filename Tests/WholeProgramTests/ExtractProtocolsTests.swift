import Foundation
import Testing

/// `martlet read --extract-files` of what is not HTTP/1 and SMTP: bodies of HTTP/2, mails of IMAP and POP3, transfers
/// of TFTP; held against what was sent and against tshark.
@Suite struct ExtractProtocolsTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func extract(
    _ capture: MadeCapture, _ more: String...
  ) throws -> [ExtractedFile] {
    try ExtractedFile.read(written(capture), in: folder, more)
  }

  private func written(_ capture: MadeCapture) throws -> String {
    let path = folder.file("made-\(UUID().uuidString).pcap")
    try capture.write(to: path)
    return path
  }

  /// Text that is the same nowhere.
  private func text(_ count: Int, _ seed: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: 32 + ($0 * 7 + $0 / 90 * 13 + seed * 29) % 90) }
  }

  // MARK: HTTP/2

  private func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt8, _ body: [UInt8]) -> [UInt8] {
    [UInt8(body.count >> 16), UInt8(body.count >> 8 & 255), UInt8(body.count & 255), type, flags]
      + [0, 0, 0, stream] + body
  }

  private func literal(_ name: String, _ value: String) -> [UInt8] {
    [0, UInt8(name.utf8.count)] + name.utf8 + [UInt8(value.utf8.count)] + value.utf8
  }

  private func request(_ stream: UInt8, _ path: String) -> [UInt8] {
    frame(1, 5, stream, [0x82, 0x86] + literal(":path", path))
  }

  private func answer(_ stream: UInt8, _ fields: [UInt8] = []) -> [UInt8] {
    frame(1, 4, stream, [0x88] + fields)
  }

  private func padded(_ stream: UInt8, _ body: [UInt8], isLast: Bool = false) -> [UInt8] {
    frame(0, isLast ? 9 : 8, stream, [11] + body + [UInt8](repeating: 0, count: 11))
  }

  private let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  /// `hello world` by gzip(1).
  private let gzipped: [UInt8] = [
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0x28, 0xcf, 0x2f,
    0xca, 0x49, 1, 0, 0x85, 0x11, 0x4a, 0x0d, 0x0b, 0, 0, 0,
  ]

  /// Two bodies by turns, in frames with padding, and one that is compressed.
  private func web(losing lost: Int? = nil) -> (MadeCapture, [[UInt8]]) {
    var capture = MadeCapture()
    var talk = MadeConversation(&capture, port: 8080)
    let (one, other) = (text(5000, 1), text(3000, 2))
    talk.say(
      &capture, fromClient: true,
      preface + frame(4, 0, 0, []) + request(1, "/one?x") + request(3, "/two") + request(5, "/z"))
    let pieces = [
      frame(4, 0, 0, []) + answer(1) + answer(3),
      answer(5, literal("content-encoding", "gzip")) + padded(1, Array(one[..<1200])),
      padded(3, Array(other[..<1000])), padded(1, Array(one[1200..<2400])),
      frame(0, 0, 3, Array(other[1000..<2200])) + frame(0, 0, 5, Array(gzipped[..<9])),
      padded(1, Array(one[2400..<3600])),
      frame(0, 1, 5, Array(gzipped[9...])) + padded(3, Array(other[2200...]), isLast: true),
      frame(0, 1, 1, Array(one[3600...])),
    ]
    for (place, piece) in pieces.enumerated() {
      talk.say(&capture, fromClient: false, piece, isLost: place == lost)
    }
    talk.say(&capture, fromClient: true, frame(8, 0, 0, [0, 0, 1, 0]))
    return (capture, [one, other, Array("hello world".utf8)])
  }

  @Test func streamsByTurnsAreKeptApart() throws {
    let (capture, bodies) = web()
    for more in [[], ["--where", "app_proto == http2"]] {
      let found = try ExtractedFile.read(written(capture), in: folder, more)
      #expect(Set(found.map { [UInt8]($0.bytes) }) == Set(bodies))
      #expect(found.count == 3 && found.allSatisfy { $0.isComplete })
      #expect(Set(found.compactMap(\.name)) == ["/one", "/two", "/z"])
      for one in found {
        #expect(one.fileinfo["sha256"] as? String == String(one.path.dropFirst(3)))
        #expect(one.extracted["direction"] as? String == "to_client")
        #expect(one.fileinfo["stored"] as? Bool == true)
        #expect(one.record["app_proto"] as? String == "http2")
      }
    }
    #expect(try extract(capture, "--where", "app_proto == dns").isEmpty)
  }

  /// The hole hides a frame's head: no body that was under way is taken for whole, or goes on with what may be
  /// another's place.
  @Test func aHoleEndsTheBodiesUnderWay() throws {
    let (capture, bodies) = web(losing: 2)
    let found = try extract(capture)
    #expect(found.allSatisfy { !$0.isComplete && $0.path.hasSuffix(".incomplete") })
    #expect(found.map { [UInt8]($0.bytes) } == [Array(bodies[0][..<1200])])
    #expect(found.first?.fileinfo["gaps"] as? Bool == true)
    #expect(found.first?.fileinfo["state"] as? String == "TRUNCATED")
  }

  /// tshark exports none of HTTP/2's; its fields have each body, beside the frames that it came in.
  private func tsharksBodies(
    _ path: String, port: Int = 8080
  ) throws -> (whole: Set<String>, all: Set<String>) {
    let rows = try Subprocess.output(
      "tshark",
      [
        "-n", "-r", path, "-d", "tcp.port==\(port),http2", "-Y", "http2", "-T", "fields", "-e",
        "http2.body.reassembled.data", "-e", "http2.data.data",
      ]
    ).split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
    func column(_ place: Int) -> Set<String> {
      Set(rows.flatMap { $0[place].split(separator: ",").map(String.init) })
    }
    return (column(0), column(0).union(column(1)))
  }

  private func hexadecimal(_ file: ExtractedFile) -> String {
    file.bytes.map { String(format: "%02x", $0) }.joined()
  }

  @Test(.enabled(if: Requirements.tshark, "needs tshark"))
  func theMadeBodiesAreTsharks() throws {
    let path = try written(web().0)
    let theirs = try tsharksBodies(path)
    // What is compressed it shows as it came.
    let ours = Set(
      try ExtractedFile.read(path, in: folder).filter { $0.name != "/z" }.map(hexadecimal))
    #expect(ours.count == 2 && ours.isSubset(of: theirs.whole))
  }

  /// Of captures from elsewhere, with the port that tshark has to be told of and the bodies there are.
  @Test(
    .enabled(if: Captures.areThere, Comment(rawValue: Captures.absent)),
    .enabled(if: Requirements.tshark, "needs tshark"),
    arguments: [
      ("arkime/tests/pcap/http2-nghttp2.pcap", 8080, 2),
      ("suricata-verify/tests/http2-compression-bug/input.pcap", 443, 9),
      ("ndpi/tests/cfgs/default/pcap/http2.pcapng", 29_518, 2),
      ("suricata-verify/tests/http2-keywords2/input.pcap", 8080, 2),
      ("suricata-verify/tests/dns-over-http2/dns_over_https.pcap", 8080, 4),
      ("suricata-verify/tests/http2-continuation/input.pcap", 8080, 1),
    ])
  func bodiesAreTsharks(_ name: String, _ port: Int, _ count: Int) throws {
    let path = try #require(Captures.path(name))
    let theirs = try tsharksBodies(path, port: port).all
    let ours = try ExtractedFile.read(path, in: folder)
      .filter { $0.record["app_proto"] as? String == "http2" }
    #expect(ours.count == count && ours.allSatisfy { $0.isComplete })
    #expect(Set(ours.map(hexadecimal)).isSubset(of: theirs))
  }

  /// Objects of captures from elsewhere. What tshark has and we have not is said by its size.
  @Test(
    .enabled(if: Captures.areThere, Comment(rawValue: Captures.absent)),
    .enabled(if: Requirements.tshark, "needs tshark"),
    arguments: [
      ("http", "suricata-verify/tests/http2-range/http2-range.pcap", 1),
      ("tftp", "arkime/tests/pcap/tftp_rrq.pcap", 1),
      ("tftp", "ndpi/tests/cfgs/default/pcap/tftp.pcap", 1),
    ])
  func theirObjectsAreAmongOurs(_ kind: String, _ name: String, _ least: Int) throws {
    let path = try #require(Captures.path(name))
    let theirs = Set(try ExtractedFile.tsharks(kind, path, in: folder).map(\.bytes))
    #expect(theirs.count >= least)
    let ours = Set(
      try ExtractedFile.read(path, in: folder).filter(\.isComplete).map(\.bytes))
    #expect(theirs.isSubset(of: ours), "\(theirs.subtracting(ours).map(\.count))")
  }

  // MARK: Mails

  private let attachment = Array("%PDF-1.4 made for this test\n".utf8)

  /// A mail with an attachment in base64 and one in quoted-printable, a line that begins with a dot in it.
  private var mail: String {
    [
      "From: a@example.test", "To: b@example.test", "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=",
      "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=\"=_xyz\"", "", "preamble",
      "--=_xyz", "Content-Type: text/plain", "", "the mail itself", ".with a dot", "--=_xyz",
      "Content-Type: application/pdf; name=\"a.pdf\"",
      "Content-Disposition: attachment; filename=\"a.pdf\"", "Content-Transfer-Encoding: base64",
      "", Data(attachment).base64EncodedString(), "--=_xyz",
      "Content-Disposition: attachment; filename=q.txt",
      "Content-Transfer-Encoding: quoted-printable", "", ".caf=C3=A9 =", "au lait", "--=_xyz--", "",
    ].joined(separator: "\r\n")
  }

  private func expectAttachments(
    _ found: [ExtractedFile], _ proto: String, _ direction: String, times: Int = 1
  ) {
    let texts = found.map(\.text)
    let expected = [String(decoding: attachment, as: UTF8.self), ".café au lait"]
    #expect(texts == [[String]](repeating: expected, count: times).flatMap { $0 }, "\(proto)")
    #expect(found.allSatisfy { $0.isComplete })
    for one in found {
      #expect(one.record["app_proto"] as? String == proto)
      #expect(one.extracted["direction"] as? String == direction)
      let email = one.record["email"] as? [String: Any]
      #expect(email?["subject"] as? String == "grüße")
      #expect((email?["attachment"] as? [String])?.first == "a.pdf")
    }
    #expect(found.first?.name == "a.pdf")
    #expect(found.first?.fileinfo["mimetype"] as? String == "application/pdf")
  }

  private func imap(
    _ lines: [(fromClient: Bool, text: String)], _ capture: inout MadeCapture
  ) {
    var talk = MadeConversation(&capture, port: 143)
    talk.say(&capture, fromClient: false, "* OK IMAP4rev1 ready\r\n")
    for line in lines { talk.say(&capture, fromClient: line.fromClient, line.text + "\r\n") }
  }

  /// Fetched whole, as RFC822, by pieces, and header and text apart; in one answer or in two.
  @Test func mailsThatIMAPFetches() throws {
    let count = mail.utf8.count
    let behind = mail.range(of: "\r\n\r\n")!.upperBound
    let (header, text) = (String(mail[..<behind]), String(mail[behind...]))
    let pieces = (mail.prefix(300), mail.dropFirst(300))
    let answers = [
      "* 7 FETCH (FLAGS (\\Seen) BODY[] {\(count)}\r\n\(mail) UID 12)",
      "* 7 FETCH (RFC822 {\(count)}\r\n\(mail))",
      "* 7 FETCH (BODY[]<0> {\(pieces.0.utf8.count)}\r\n\(pieces.0))\r\n"
        + "* 7 FETCH (BODY[]<\(pieces.0.utf8.count)> {\(pieces.1.utf8.count)}\r\n\(pieces.1))",
      "* 7 FETCH (BODY[HEADER] {\(header.utf8.count)}\r\n\(header) BODY[TEXT]"
        + " {\(text.utf8.count)}\r\n\(text))",
      "* 7 FETCH (RFC822.HEADER {\(header.utf8.count)}\r\n\(header))\r\n"
        + "* 7 FETCH (RFC822.TEXT {\(text.utf8.count)}\r\n\(text))",
    ]
    for answer in answers {
      var capture = MadeCapture()
      imap([(true, "a1 FETCH 7 ALL"), (false, answer), (false, "a1 OK done")], &capture)
      let found = try extract(capture)
      expectAttachments(found, "imap", "to_client")
      let command = found.first?.record["imap"] as? [String: Any]
      #expect(command?["command"] as? String == "FETCH", "\(answer.prefix(60))")
    }
  }

  /// Without its header a text's parts are told by their boundary; of a part its header tells; without that nothing
  /// is known of it.
  @Test func partsThatIMAPFetches() throws {
    let behind = mail.range(of: "\r\n\r\n")!.upperBound
    let text = String(mail[behind...])
    var capture = MadeCapture()
    imap(
      [
        (true, "a1 FETCH 7 BODY.PEEK[TEXT]"),
        (false, "* 7 FETCH (BODY[TEXT] {\(text.utf8.count)}\r\n\(text))"), (false, "a1 OK done"),
      ], &capture)
    #expect(try extract(capture).map(\.name) == ["a.pdf", "q.txt"])
    let coded = Data(attachment).base64EncodedString() + "\r\n"
    let mime =
      "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    for (isKnown, part) in [(true, "2.MIME"), (false, "3.MIME")] {
      var capture = MadeCapture()
      imap(
        [
          (true, "a1 UID FETCH 7 (BODY.PEEK[2.MIME] BODY.PEEK[2])"),
          (
            false,
            "* 7 FETCH (UID 7 BODY[\(part)] {\(mime.utf8.count)}\r\n\(mime) BODY[2]"
              + " {\(coded.utf8.count)}\r\n\(coded))"
          ), (false, "a1 OK done"),
        ], &capture)
      let found = try extract(capture)
      #expect(found.map { [UInt8]($0.bytes) } == (isKnown ? [attachment] : []))
    }
  }

  @Test(arguments: ["", "+"]) func mailsThatIMAPAppends(_ sign: String) throws {
    var capture = MadeCapture()
    let append = "{\(mail.utf8.count)\(sign)}"
    imap(
      [
        (true, "a1 APPEND \"Sent Items\" (\\Seen) \(append)"), (false, "+ go on"), (true, mail),
        (false, "a1 OK done"), (true, "a2 APPEND {3+}\r\nfoo (\\Seen) \(append)\r\n\(mail)"),
        (false, "a2 OK done"),
      ], &capture)
    let found = try extract(capture)
    expectAttachments(found, "imap", "to_server", times: 2)
    let mailboxes = found.map { ($0.record["imap"] as? [String: Any])?["mailbox"] as? String }
    #expect(mailboxes == ["Sent Items", "Sent Items", "foo", "foo"])
  }

  private func pop3(_ commands: [(String, String)], losing: Int? = nil) -> MadeCapture {
    var capture = MadeCapture()
    var talk = MadeConversation(&capture, port: 110)
    talk.say(&capture, fromClient: false, "+OK POP3 ready\r\n")
    for (command, answer) in commands {
      talk.say(&capture, fromClient: true, command + "\r\n")
      for (place, piece) in answer.components(separatedBy: "|").enumerated() {
        talk.say(&capture, fromClient: false, piece, isLost: place == losing)
      }
    }
    talk.say(&capture, fromClient: true, "QUIT\r\n")
    return capture
  }

  private var stuffed: String { mail.replacingOccurrences(of: "\r\n.", with: "\r\n..") }

  @Test func mailsThatPOP3Retrieves() throws {
    let capture = pop3([
      ("RETR 1", "+OK \(mail.utf8.count) octets\r\n\(stuffed).\r\n"),
      ("TOP 1 100", "+OK\r\n\(stuffed).\r\n"), ("RETR 2", "-ERR no such message\r\n"),
    ])
    let found = try extract(capture)
    expectAttachments(found, "pop3", "to_client", times: 2)
    let requests = found.map {
      ($0.record["pop3"] as? [String: Any])?["request"] as? [String: Any]
    }
    #expect(requests.map { $0?["command"] as? String } == ["RETR", "RETR", "TOP", "TOP"])
  }

  /// Of a message's beginning, or behind a hole, an attachment is not whole.
  @Test func mailsOfPOP3ThatAreNotWhole() throws {
    let end = stuffed.range(of: "--=_xyz\r\nContent-Disposition: attachment; filename=q")!
      .lowerBound
    let cut = stuffed[..<end]
    let top = try extract(pop3([("TOP 1 15", "+OK\r\n\(cut).\r\n")]))
    #expect(top.map { [UInt8]($0.bytes) } == [attachment] && !top[0].isComplete)
    let middle = stuffed.range(of: "base64\r\n\r\n")!.upperBound
    let holed = pop3(
      [
        ("RETR 1", "+OK\r\n\(stuffed[..<middle])JVBE|\("Ri0xLjQg")|\(stuffed[middle...]).\r\n")
      ], losing: 1)
    let found = try extract(holed)
    try #require(found.count == 2)
    #expect(!found[0].isComplete && found[0].fileinfo["gaps"] as? Bool == true)
    #expect(found[1].isComplete && found[1].text == ".café au lait")
  }

  /// What tshark exports as mails, taken apart by Python's `email`.
  @Test(
    .enabled(if: Requirements.tshark && Requirements.has("python3"), "needs tshark and python3"))
  func attachmentsArePythons() throws {
    var fetch = MadeCapture()
    imap(
      [
        (true, "a1 FETCH 7 BODY[]"),
        (false, "* 7 FETCH (BODY[] {\(mail.utf8.count)}\r\n\(mail))"), (false, "a1 OK done"),
      ], &fetch)
    // tshark needs the answer in a segment of its own, and leaves the dots in front of dots.
    let plain = stuffed.replacingOccurrences(of: "..caf", with: "caf")
    let retrieve = pop3([("RETR 1", "+OK \(plain.utf8.count) octets\r\n|\(plain).\r\n")])
    for capture in [fetch, retrieve] {
      let path = try written(capture)
      let mails = folder.file("mails-\(UUID().uuidString)")
      _ = try Subprocess.output(
        "tshark", ["-n", "-q", "-r", path, "--export-objects", "imf,\(mails)"])
      let program = """
        import email, glob, hashlib, sys
        for name in glob.glob(sys.argv[1] + "/*"):
          for part in email.message_from_binary_file(open(name, "rb")).walk():
            if part.get_filename(): print(hashlib.sha256(part.get_payload(decode=True)).hexdigest())
        """
      let theirs = Set(
        try Subprocess.output("python3", ["-c", program, mails]).split(separator: "\n")
          .map(String.init))
      let ours = Set(
        try ExtractedFile.read(path, in: folder).compactMap { $0.fileinfo["sha256"] as? String })
      #expect(theirs.count == 2 && theirs == ours)
    }
  }

  // MARK: TFTP

  private func datagram(_ opcode: UInt8, _ number: Int, _ body: [UInt8] = []) -> [UInt8] {
    [0, opcode, UInt8(number >> 8 & 255), UInt8(number & 255)] + body
  }

  private func request(_ opcode: UInt8, _ texts: [String]) -> [UInt8] {
    [0, opcode] + texts.flatMap { Array($0.utf8) + [0] }
  }

  /// What is read or written, `lost` blocks not in the capture; some are sent twice.
  private func transfer(
    _ file: [UInt8], isWritten: Bool = false, block: Int = 512, options: Bool = false,
    lost: Set<Int> = [], isAnnounced: Bool = true, port: UInt16 = 40_500
  ) -> MadeCapture {
    var capture = MadeCapture()
    capture.serverPort = 69
    var texts = ["boot/x.bin", "octet"]
    if options { texts += ["blksize", "\(block)", "tsize", "\(file.count)"] }
    if isAnnounced { capture.udp(bytes: request(isWritten ? 2 : 1, texts)) }
    capture.serverPort = port
    if options {
      capture.udp(fromClient: false, bytes: request(6, Array(texts[2...])))
      if !isWritten { capture.udp(bytes: datagram(4, 0)) }
    } else if isWritten {
      capture.udp(fromClient: false, bytes: datagram(4, 0))
    }
    for number in 1...(file.count / block + 1) {
      let start = (number - 1) * block
      let piece = Array(file[start..<min(start + block, file.count)])
      for _ in 0..<(number % 5 == 1 ? 2 : 1) where !lost.contains(number) {
        capture.udp(fromClient: isWritten, bytes: datagram(3, number, piece))
      }
      capture.udp(fromClient: !isWritten, bytes: datagram(4, number))
    }
    return capture
  }

  @Test func filesThatTFTPReadsAndWrites() throws {
    for count in [0, 5, 511, 512, 513, 5000] {
      for (isWritten, options) in [(false, false), (true, false), (false, true), (true, true)] {
        let file = text(count, 3)
        let found = try extract(
          transfer(file, isWritten: isWritten, block: options ? 1000 : 512, options: options))
        // Of a file without a byte nothing is kept.
        #expect(found.map { [UInt8]($0.bytes) } == (count == 0 ? [] : [file]))
        guard let one = found.first else { continue }
        #expect(one.isComplete && one.name == "boot/x.bin")
        #expect(one.record["app_proto"] as? String == "tftp")
        let tftp = one.record["tftp"] as? [String: Any]
        #expect(tftp?["packet"] as? String == (isWritten ? "write" : "read"))
        #expect(tftp?["mode"] as? String == "octet" && tftp?["file"] as? String == "boot/x.bin")
      }
    }
  }

  /// Numbers of blocks begin again behind 65,535.
  @Test func numbersOfBlocksWrap() throws {
    let file = text(8 * 70_000 + 3, 5)
    let found = try extract(transfer(file, block: 8, options: true))
    #expect(found.map { $0.bytes.count } == [file.count])
    #expect(found.first.map { [UInt8]($0.bytes) == file } == true)
    #expect(found.first?.isComplete == true)
  }

  @Test func lostBlocksAreHoles() throws {
    let file = text(5000, 4)
    var expected = file
    for place in 1024..<1536 { expected[place] = 0 }
    let found = try extract(transfer(file, lost: [3]))
    #expect(found.map { [UInt8]($0.bytes) } == [expected])
    #expect(found.first?.isComplete == false && found.first?.fileinfo["gaps"] as? Bool == true)
    #expect(found.first?.extracted["missing_bytes"] as? Int == 512)
    let ends = try extract(transfer(file, lost: [10]))
    #expect(ends.map(\.isComplete) == [false])
    let begins = try extract(transfer(file, lost: [1]))
    #expect(begins.map(\.isComplete) == [false])
    #expect(begins.first?.extracted["missing_bytes"] as? Int == 512)
  }

  /// From the port that was asked, and from another whose request is not in the capture.
  @Test func transfersOfAnyPort() throws {
    let file = text(3000, 6)
    let same = try extract(transfer(file, port: 69))
    #expect(same.map { [UInt8]($0.bytes) } == [file] && same[0].name == "boot/x.bin")
    for (isWritten, options) in [(false, false), (true, false), (false, true), (true, true)] {
      let unnamed = try extract(
        transfer(file, isWritten: isWritten, options: options, isAnnounced: false))
      #expect(unnamed.map { [UInt8]($0.bytes) } == [file], "\(isWritten) \(options)")
      #expect(unnamed.first?.fileinfo["filename"] == nil && unnamed.first?.isComplete == true)
    }
  }

  @Test func moreWorkersGiveTheSameFiles() throws {
    let captures = [transfer(text(3000, 7)), transfer(text(900, 8), isWritten: true), web().0]
    for capture in captures {
      let single = try extract(capture, "--workers", "1").map(\.path).sorted()
      #expect(!single.isEmpty)
      #expect(try extract(capture, "--workers", "3").map(\.path).sorted() == single)
    }
  }
}
