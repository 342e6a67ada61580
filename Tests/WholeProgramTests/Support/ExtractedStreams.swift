import Foundation

/// What `--extract-streams` has written.
struct ExtractedStreams {
  struct Direction {
    let path: String
    let bytes: Data
    let line: [String: Any]

    var text: String { String(decoding: bytes, as: UTF8.self) }
    func number(_ name: String) -> Int? { line[name] as? Int }
    func flag(_ name: String) -> Bool { line[name] as? Bool ?? false }
    var holes: [[Int]] { line["holes"] as? [[Int]] ?? [] }
    /// Nothing is missing, and nobody disagrees on what there is.
    var isClean: Bool {
      ["missing_bytes", "early_bytes", "differing_bytes"].allSatisfy { number($0) ?? 0 == 0 }
    }
  }

  struct Conversation {
    let record: [String: Any]
    let toServer: Direction?
    let toClient: Direction?

    var isTCP: Bool { record["proto"] as? String == "TCP" }
    var client: String { Self.end(record["src_ip"], record["src_port"]) }
    var server: String { Self.end(record["dest_ip"], record["dest_port"]) }
    private static func end(_ address: Any?, _ port: Any?) -> String {
      "\(address as? String ?? "?") \(port as? Int ?? 0)"
    }
  }

  let conversations: [Conversation]

  init(_ folder: String) throws {
    let text = try String(contentsOfFile: "\(folder)/index.json", encoding: .utf8)
    conversations = try FileRead.records(text).map { record in
      let streams = record["streams"] as? [String: [String: Any]] ?? [:]
      func direction(_ name: String) throws -> Direction? {
        guard let line = streams[name], let path = line["path"] as? String else { return nil }
        let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(path)"))
        guard bytes.count == line["bytes"] as? Int else {
          throw SupportError("\(path) has \(bytes.count) bytes, not as its line says")
        }
        return Direction(path: path, bytes: bytes, line: line)
      }
      return Conversation(
        record: record, toServer: try direction("to_server"), toClient: try direction("to_client"))
    }
  }

  /// Bytes of each direction by its sender and receiver, those of conversations that follow each other
  /// together. Directions that are not clean leave theirs out.
  func cleanTCP() -> [String: Data] {
    var sums: [String: Data] = [:]
    var spoilt: Set<String> = []
    for conversation in conversations where conversation.isTCP {
      for (direction, name) in [
        (conversation.toServer, "\(conversation.client) \(conversation.server)"),
        (conversation.toClient, "\(conversation.server) \(conversation.client)"),
      ] {
        guard let direction else { continue }
        if !direction.isClean { spoilt.insert(name) }
        sums[name, default: Data()] += direction.bytes
      }
    }
    return sums.filter { !spoilt.contains($0.key) }
  }
}

/// The same by `tshark -z follow,tcp,raw`.
enum TsharkStreams {
  static func read(_ path: String, most: Int = 200) throws -> [String: Data] {
    let streams = try Subprocess.output(
      "tshark", ["-n", "-r", path, "-Y", "tcp", "-T", "fields", "-e", "tcp.stream"])
    let numbers = Set(streams.split(whereSeparator: \.isWhitespace).compactMap { Int($0) })
    let wanted = numbers.sorted().prefix(most).flatMap { ["-z", "follow,tcp,raw,\($0)"] }
    if wanted.isEmpty { return [:] }
    let text = try Subprocess.output("tshark", ["-n", "-q", "-r", path] + wanted)
    var found: [String: Data] = [:]
    var nodes = ["", ""]
    for line in text.split(separator: "\n") {
      if line.hasPrefix("Node "), let number = line.dropFirst(5).first?.wholeNumberValue {
        nodes[number] = node(line.dropFirst(8))
      } else if !line.hasPrefix("Follow") && !line.hasPrefix("Filter") && !line.hasPrefix("===") {
        let isSecond = line.hasPrefix("\t")
        let name = isSecond ? "\(nodes[1]) \(nodes[0])" : "\(nodes[0]) \(nodes[1])"
        found[name, default: Data()] += bytes(line.trimmingCharacters(in: .whitespaces))
      }
    }
    return found
  }

  /// `10.0.0.1:80`, `[2001:db8::1]:80`
  private static func node(_ text: Substring) -> String {
    guard let colon = text.lastIndex(of: ":") else { return String(text) }
    let address = text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[] "))
    return "\(address) \(text[text.index(after: colon)...])"
  }

  private static func bytes(_ hexadecimal: String) -> Data {
    var data = Data()
    var digits = hexadecimal.utf8.makeIterator()
    while let high = digits.next(), let low = digits.next() {
      let text = String(decoding: [high, low], as: UTF8.self)
      if let byte = UInt8(text, radix: 16) { data.append(byte) }
    }
    return data
  }
}
