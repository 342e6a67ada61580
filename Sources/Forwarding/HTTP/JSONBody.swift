internal import ControlAPI

/// Writes JSON into the body of a request.
enum JSONBody {
  /// Appends a record's object on one line, with a member before its own.
  static func append(
    _ document: EVEDocument, adding name: String, _ value: String, to body: inout [UInt8]
  ) {
    let rest = open(document, to: &body)
    append(name, to: &body)
    body.append(UInt8(ascii: ":"))
    append(value, to: &body)
    close(rest, to: &body)
  }

  /// Appends a record's object on one line, with the time as `@timestamp` before its members.
  static func append(_ document: EVEDocument, time: DocumentTime?, to body: inout [UInt8]) {
    guard let time else {
      appendLine(document.bytes[...], to: &body)
      return
    }
    let rest = open(document, to: &body)
    body += #""@timestamp":""#.utf8
    time.appendISO(to: &body)
    body.append(UInt8(ascii: "\""))
    close(rest, to: &body)
  }

  /// Writes an object's bracket; gives what follows it.
  private static func open(_ document: EVEDocument, to body: inout [UInt8]) -> ArraySlice<UInt8> {
    body.append(UInt8(ascii: "{"))
    // An object's bracket is its first byte that is not white space.
    let start = (document.bytes.firstIndex(of: UInt8(ascii: "{")) ?? -1) + 1
    return document.bytes[start...]
  }

  private static func close(_ rest: ArraySlice<UInt8>, to body: inout [UInt8]) {
    if rest.first(where: { $0 > 0x20 }) != UInt8(ascii: "}") { body.append(UInt8(ascii: ",")) }
    appendLine(rest, to: &body)
  }

  /// White space between values may hold line ends, which would end the line; strings cannot.
  private static func appendLine(_ bytes: ArraySlice<UInt8>, to body: inout [UInt8]) {
    let start = body.count
    body += bytes
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
