/// EVE's values as ECS writes them.
enum ECSValue {
  /// JSON; nil where the value is none that the change is for.
  static func bytes(of element: JSONElement, _ change: ECSMapping.Change) -> [UInt8]? {
    switch change {
    case .none: return Array(element.bytes)
    case .time:
      guard let text = element.stringBytes else { return Array(element.bytes) }
      return quoted(
        text.suffix(5).elementsEqual("+0000".utf8) ? text.dropLast(5) + [UInt8(ascii: "Z")] : text)
    case .lowercase: return element.stringBytes.map { quoted($0.map(lowercased)) }
    case .mac: return mac(element.kind == .array ? element.children.first { _ in true } : element)
    case .hexadecimal:
      return element.stringBytes.map { text in
        quoted(text.filter { $0 != UInt8(ascii: ":") }.map(uppercased))
      }
    case .firstText: return text(element, at: 0)
    case .secondText: return element.kind == .array ? text(element, at: 1) : nil
    case .version:
      guard let text = element.stringBytes,
        let mark = text.firstIndex(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: " ") })
      else { return element.stringBytes.map { quoted($0) } }
      return quoted(text[(mark + 1)...])
    case .query:
      guard let text = element.stringBytes, let mark = text.firstIndex(of: UInt8(ascii: "?")) else {
        return nil
      }
      return quoted(text[(mark + 1)...])
    case .path:
      guard let text = element.stringBytes, text.first == UInt8(ascii: "/") else { return nil }
      return quoted(text.prefix { $0 != UInt8(ascii: "?") })
    case .answers: return answers(element)
    case .resolved: return resolved(element)
    case .mailAddress: return list(element) { mailAddress($0.stringBytes) }
    case .attachments:
      return list(element) { name in
        guard name.kind == .string else { return nil }
        return Array("{\"file\":{\"name\":".utf8) + name.bytes + Array("}}".utf8)
      }
    case .lastComponent:
      guard let text = element.stringBytes else { return nil }
      let slash = text.lastIndex(of: UInt8(ascii: "/"))
      let name = slash.map { text[($0 + 1)...] } ?? text
      return name.isEmpty ? nil : quoted(name)
    }
  }

  /// The same of each element of a list, or of the one that there is; what has none is left out.
  private static func list(
    _ element: JSONElement, _ change: (JSONElement) -> [UInt8]?
  ) -> [UInt8]? {
    guard element.kind == .array else { return change(element) }
    let parts = element.children.compactMap(change)
    if parts.isEmpty { return nil }
    return Array("[".utf8) + parts.joined(separator: [UInt8(ascii: ",")]) + Array("]".utf8)
  }

  private static func mailAddress(_ text: ArraySlice<UInt8>?) -> [UInt8]? {
    guard let text else { return nil }
    guard let open = text.lastIndex(of: UInt8(ascii: "<")),
      let close = text[open...].firstIndex(of: UInt8(ascii: ">"))
    else { return quoted(text) }
    return quoted(text[(open + 1)..<close])
  }

  private static let addressTypes = [Array("A".utf8), Array("AAAA".utf8)]

  private static func resolved(_ answers: JSONElement) -> [UInt8]? {
    guard answers.kind == .array else { return nil }
    return list(answers) { answer in
      guard answer.kind == .object,
        let type = answer[typeKey]?.stringBytes, addressTypes.contains(where: type.elementsEqual),
        let address = answer[dataKey], address.kind == .string
      else { return nil }
      return Array(address.bytes)
    }
  }

  private static let typeKey = JSONKey("rrtype")
  private static let dataKey = JSONKey("rdata")

  private static func quoted(_ text: some Collection<UInt8>) -> [UInt8] {
    var json: [UInt8] = []
    json.appendJSONString(text)
    return json
  }

  private static func text(_ element: JSONElement, at index: Int) -> [UInt8]? {
    var value: JSONElement? = element
    if element.kind == .array { value = element.children.dropFirst(index).first { _ in true } }
    switch value?.kind {
    case .number: return value.map { quoted($0.bytes) }
    case .string: return value.map { Array($0.bytes) }
    default: return nil
    }
  }

  private static func mac(_ element: JSONElement?) -> [UInt8]? {
    element?.stringBytes.map { text in
      quoted(text.map { $0 == UInt8(ascii: ":") ? UInt8(ascii: "-") : uppercased($0) })
    }
  }

  private static let answerNames = [
    ("data", JSONKey("rdata")), ("name", JSONKey("rrname")), ("ttl", JSONKey("ttl")),
    ("type", JSONKey("rrtype")),
  ]

  private static func answers(_ list: JSONElement) -> [UInt8]? {
    guard list.kind == .array else { return nil }
    var bytes: [UInt8] = [UInt8(ascii: "[")]
    for answer in list.children where answer.kind == .object {
      if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
      bytes.append(UInt8(ascii: "{"))
      for (name, key) in answerNames {
        guard let value = answer[key] else { continue }
        bytes.appendJSONKey(name.utf8)
        bytes.append(contentsOf: value.bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
    bytes.append(UInt8(ascii: "]"))
    return bytes
  }

  private static func lowercased(_ byte: UInt8) -> UInt8 {
    UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
  }

  private static func uppercased(_ byte: UInt8) -> UInt8 {
    UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte ? byte & 0xdf : byte
  }
}
