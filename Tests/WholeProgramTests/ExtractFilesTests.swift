import Foundation
import Testing

/// `martlet read --extract-files`, held against what was sent and against tshark.
@Suite struct ExtractFilesTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func extract(_ path: String, _ more: [String] = []) throws -> [ExtractedFile] {
    try ExtractedFile.read(path, in: folder, more)
  }

  private func extract(_ capture: MadeCapture, _ more: String...) throws -> [ExtractedFile] {
    let path = folder.file("made.pcap")
    try capture.write(to: path)
    return try extract(path, more)
  }

  /// A request and its answer, on a connection of its own.
  private func exchange(_ capture: inout MadeCapture, _ answer: [String], skipping: Int? = nil) {
    capture.open()
    let request = "GET /../../etc/passwd HTTP/1.1\r\nHost: example.test\r\n\r\n"
    capture.tcp(1001, acknowledging: 5001, request)
    var sequence: UInt32 = 5001
    for (place, part) in answer.enumerated() {
      if place != skipping {
        capture.tcp(
          fromClient: false, sequence, acknowledging: 1001 + UInt32(request.utf8.count), part)
      }
      sequence += UInt32(part.utf8.count)
    }
    capture.clientPort += 1
  }

  @Test func aChunkedBodyIsJoinedAndKeptOnce() throws {
    var capture = MadeCapture()
    capture.serverPort = 80
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    exchange(&capture, [head, "5\r\nhello\r\n6;x=y\r\n wor", "ld\r\n0\r\n\r\n"])
    exchange(&capture, ["HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"])
    let found = try extract(capture)
    #expect(found.map(\.text) == ["hello world", "hello world"])
    #expect(Set(found.map(\.path)).count == 1)
    #expect(found.allSatisfy { $0.isComplete })
    #expect(
      found.first?.path
        == "b9/b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")
    #expect(
      found.first?.fileinfo["sha256"] as? String == found.first?.path.dropFirst(3).description)
    #expect(found.first?.extracted["direction"] as? String == "to_client")
  }

  @Test func aHoleMakesItIncomplete() throws {
    var capture = MadeCapture()
    capture.serverPort = 80
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n"
    exchange(&capture, [head, "abc", "def", "ghi"], skipping: 2)
    let found = try extract(capture)
    try #require(found.count == 1)
    #expect(found[0].text == "abc\0\0\0ghi")
    #expect(!found[0].isComplete)
    #expect(found[0].path.hasSuffix(".incomplete"))
    #expect(found[0].extracted["missing_bytes"] as? Int == 3)
  }

  /// Zeros are hashed: a gap costs no more than a gap.
  @Test func aLargeHoleCutsTheFile() throws {
    var capture = MadeCapture()
    capture.serverPort = 80
    capture.open()
    let request = "GET / HTTP/1.1\r\nHost: example.test\r\n\r\n"
    capture.tcp(1001, acknowledging: 5001, request)
    let behind = 1001 + UInt32(request.utf8.count)
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\nabc"
    capture.tcp(fromClient: false, 5001, acknowledging: behind, answer)
    let far = 5001 + UInt32(answer.utf8.count) + 3_000_000
    // As many as it takes for them to be believed.
    for piece in 0..<8 as Range<UInt32> {
      capture.tcp(fromClient: false, far + 3 * piece, acknowledging: behind, "ghi")
    }
    let found = try extract(capture)
    try #require(found.count == 1)
    #expect(found[0].text == "abc")
    #expect(found[0].extracted["cut"] as? Bool == true)
    #expect(!found[0].isComplete && found[0].path.hasSuffix(".incomplete"))
  }

  /// As large as that no file may be: it is cut, and the next one is whole.
  @Test func aFileThatCanGrowNoMoreIsCut() throws {
    var capture = MadeCapture()
    capture.serverPort = 80
    let piece = String(repeating: "0123456789abcdef", count: 3000)
    let head = "HTTP/1.1 200 OK\r\nContent-Length: \(10 * piece.utf8.count)\r\n\r\n"
    exchange(&capture, [head] + [String](repeating: piece, count: 10))
    exchange(&capture, ["HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"])
    let path = folder.file("made.pcap")
    try capture.write(to: path)
    for more in [[], ["--where", "app_proto == \"http\""]] {
      let target = folder.file("small-\(more.count)")
      let run = try FileRead(
        [path, "--extract-files", target, "--quiet"] + more,
        wrapper: ["/bin/sh", "-c", "ulimit -f 256; exec \"$@\"", "sh"])
      #expect(run.status == .exited(74), "\(run.errors)")
      #expect(run.errors.contains("no file can be larger there; 1 is cut"), "\(run.errors)")
      let lines = try FileRead.records(
        String(contentsOfFile: "\(target)/index.json", encoding: .utf8)
      ).compactMap { $0["extracted"] as? [String: Any] }
      try #require(lines.count == 2)
      for line in lines {
        let path = line["path"] as? String ?? "?"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(target)/\(path)"))
        #expect(bytes.count == line["bytes"] as? Int)
        let isCut = bytes.count > 11
        #expect(line["cut"] as? Bool == isCut && line["complete"] as? Bool == !isCut)
        #expect(path.hasSuffix(".incomplete") == isCut)
        #expect(isCut || bytes == Data("hello world".utf8))
      }
    }
  }

  /// More than wait in memory for the end of their flow.
  @Test func aThousandBodiesOfOneConnectionWaitForItsEnd() throws {
    var capture = MadeCapture()
    capture.serverPort = 80
    capture.open()
    var (client, server): (UInt32, UInt32) = (1001, 5001)
    for number in 0..<1000 {
      let request = "GET /\(number) HTTP/1.1\r\nHost: example.test\r\n\r\n"
      capture.tcp(client, acknowledging: server, request)
      client += UInt32(request.utf8.count)
      let body = "number \(number)"
      let answer = "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
      capture.tcp(fromClient: false, server, acknowledging: client, answer)
      server += UInt32(answer.utf8.count)
    }
    let found = try extract(capture, "--where", "app_proto == \"http\"")
    #expect(found.map(\.text) == (0..<1000).map { "number \($0)" })
    #expect(found.allSatisfy { $0.isComplete })
    #expect(try extract(capture, "--where", "app_proto == \"dns\"").isEmpty)
  }

  @Test func aFolderMayHaveAnyName() throws {
    let target = folder.file("größe")
    let run = try FileRead([Captures.demo, "--extract-files", target, "--quiet"])
    #expect(run.status == .exited(0), "\(run.errors)")
    let paths = try FileRead.records(
      String(contentsOfFile: "\(target)/index.json", encoding: .utf8)
    ).compactMap { ($0["extracted"] as? [String: Any])?["path"] as? String }
    #expect(!paths.isEmpty)
    #expect(paths.allSatisfy { FileManager.default.fileExists(atPath: "\(target)/\($0)") })
  }

  @Test func aBodyThatEndsEarlyIsIncomplete() throws {
    var capture = MadeCapture()
    capture.serverPort = 80
    exchange(&capture, ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nno more than this"])
    let found = try extract(capture)
    #expect(found.map(\.text) == ["no more than this"])
    #expect(found.first?.isComplete == false)
  }

  @Test func anUnknownEncodingIsKeptAsItCame() throws {
    var capture = MadeCapture()
    capture.serverPort = 80
    exchange(
      &capture, ["HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 6\r\n\r\nsecret"])
    let found = try extract(capture)
    #expect(found.map(\.text) == ["secret"])
    #expect(found.first?.fileinfo["encoded"] as? Bool == true)
  }

  @Test func anAttachmentIsDecodedAndItsNameNoPath() throws {
    var capture = MadeCapture()
    capture.serverPort = 25
    capture.open()
    let mail = [
      "EHLO me", "MAIL FROM:<a@example.test>", "RCPT TO:<b@example.test>", "DATA",
      "From: a@example.test", "Subject: two", "MIME-Version: 1.0",
      "Content-Type: multipart/mixed; boundary=xyz", "", "--xyz", "Content-Type: text/plain", "",
      "the mail itself", "--xyz", "Content-Type: application/octet-stream",
      "Content-Disposition: attachment; filename=\"../../../tmp/evil\"",
      "Content-Transfer-Encoding: base64", "", "aGVsbG8g", "d29ybGQ=", "--xyz",
      "Content-Disposition: attachment; filename=q.txt",
      "Content-Transfer-Encoding: quoted-printable", "", "caf=C3=A9 =", "au lait", "--xyz--", ".",
      "QUIT", "",
    ].joined(separator: "\r\n")
    capture.tcp(fromClient: false, 5001, acknowledging: 1001, "220 mail ESMTP\r\n")
    var sequence: UInt32 = 1001
    for part in mail.split(separator: "DATA\r\n", omittingEmptySubsequences: false).enumerated() {
      let text = part.offset == 0 ? "\(part.element)DATA\r\n" : String(part.element)
      capture.tcp(sequence, acknowledging: 5017, text)
      sequence += UInt32(text.utf8.count)
      if part.offset == 0 {
        let answers = "250 ok\r\n250 ok\r\n250 ok\r\n354 go on\r\n"
        capture.tcp(fromClient: false, 5017, acknowledging: sequence, answers)
      }
    }
    for more in [[], ["--where", "app_proto == \"smtp\""]] {
      let path = folder.file("made.pcap")
      try capture.write(to: path)
      let found = try extract(path, more)
      #expect(found.map(\.text) == ["hello world", "café au lait"])
      #expect(found.first?.fileinfo["filename"] as? String == "../../../tmp/evil")
    }
    let path = folder.file("made.pcap")
    #expect(try extract(path, ["--where", "app_proto == \"http\""]).isEmpty)
  }

  @Test(
    .enabled(if: Captures.areThere, Comment(rawValue: Captures.absent)),
    .enabled(if: Requirements.tshark, "needs tshark"))
  func theBodiesAreTsharks() throws {
    let captures = Captures.manifest.filter {
      $0.path.lowercased().contains("http") && !$0.isDamaged && (5...5000).contains($0.packets)
    }
    var (same, missing, extra) = (0, [String](), [String]())
    for entry in captures.enumerated().filter({ $0.offset % (captures.count / 40 + 1) == 0 }) {
      guard let path = Captures.path(entry.element.path) else { continue }
      let theirs = Set(try ExtractedFile.tsharks("http", path, in: folder).map(\.bytes))
      let found = try extract(path)
      // tshark exports no body of HTTP/2.
      let ours = Set(
        found.filter {
          $0.isComplete && $0.fileinfo["encoded"] == nil
            && $0.record["app_proto"] as? String == "http"
        }.map(\.bytes))
      same += ours.intersection(theirs).count
      extra += ours.subtracting(theirs).map { "\(entry.element.path) \($0.count)" }
      missing += theirs.subtracting(found.map(\.bytes)).filter { !$0.isEmpty }
        .map { "\(entry.element.path) \($0.count)" }
    }
    #expect(same > 30)
    #expect(extra.count * 10 <= same, "\(extra)")
    #expect(missing.count * 10 <= same, "\(missing)")
  }

  @Test func moreWorkersGiveTheSameFiles() throws {
    func all(_ workers: String) throws -> [String] {
      try extract(Captures.demo, ["--workers", workers]).map {
        "\($0.path) \($0.record["flow_id"] ?? "") \($0.fileinfo["tx_id"] ?? "")"
      }.sorted()
    }
    let single = try all("1")
    #expect(!single.isEmpty)
    #expect(try all("3") == single)
  }
}
