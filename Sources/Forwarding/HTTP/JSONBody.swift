internal import ControlAPI

/// Writes JSON into the body of a request.
enum JSONBody {
  /// Appends a record's object on one line, with members before its own. White space between its
  /// values may hold line ends, which would end the line; strings cannot.
  static func append(
    _ document: EVEDocument, adding members: [(name: String, value: String)] = [],
    to body: inout [UInt8]
  ) {
    let start = body.count
    if members.isEmpty {
      body += document.bytes
    } else {
      // The object's opening bracket is its first byte that is not white space.
      let open = (document.bytes.firstIndex(of: UInt8(ascii: "{")) ?? -1) + 1
      let rest = document.bytes[open...]
      body.append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { body.append(UInt8(ascii: ",")) }
        append(member.name, to: &body)
        body.append(UInt8(ascii: ":"))
        append(member.value, to: &body)
      }
      if rest.first(where: { $0 > 0x20 }) != UInt8(ascii: "}") { body.append(UInt8(ascii: ",")) }
      body += rest
    }
    body.withUnsafeMutableBufferPointer { bytes in
      for index in start..<bytes.count where bytes[index] < 0x20 { bytes[index] = 0x20 }
    }
  }

  /// Appends a string in quotes.
  static func append(_ text: String, to body: inout [UInt8]) {
    let isPlain = text.utf8.allSatisfy {
      $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
    }
    if isPlain {
      body.append(UInt8(ascii: "\""))
      body.append(contentsOf: text.utf8)
      body.append(UInt8(ascii: "\""))
    } else {
      JSONValue.string(text).write(to: &body)
    }
  }
}
