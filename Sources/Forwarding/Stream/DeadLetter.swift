package import Sinks

/// An entry that could not be delivered, as it lies in `martlet:{sensor}:dead`:
///
///     reason  why
///     target  the target's name
///     group   the group that did not get it; the others are not concerned
///     stream  the key of its stream
///     id      its ID there
///     at      when it was given up, milliseconds since 1970
///     cut     bytes, where the entry was too large to be kept: what follows has been left out
///     entry:… its own fields, each under its name
package struct DeadLetter: Sendable {
  package var reason: String
  package var target: String
  package var group: String
  package var stream: StreamName
  package var id: StreamID
  package var atMilliseconds: UInt64
  package var body: StreamEntry.Body
  /// Set where the body was too large to be kept.
  package var cutBytes: Int?

  static let fieldPrefix = Array("entry:".utf8)

  init(
    reason: String, target: String, group: String, stream: StreamName, id: StreamID,
    atMilliseconds: UInt64, body: StreamEntry.Body, cutBytes: Int? = nil
  ) {
    self.reason = reason
    self.target = target
    self.group = group
    self.stream = stream
    self.id = id
    self.atMilliseconds = atMilliseconds
    self.body = body
    self.cutBytes = cutBytes
  }

  /// Reads an entry of the dead letters, or of a replay; nil where it is none.
  package init?(_ entry: StreamEntry) {
    guard case .fields(let fields) = entry.body else { return nil }
    var words: [String: String] = [:]
    var own: [StreamEntry.Field] = []
    for field in fields {
      if field.name.starts(with: Self.fieldPrefix) {
        own.append((field.name.dropFirst(Self.fieldPrefix.count), field.value))
      } else {
        words[String(decoding: field.name, as: UTF8.self)] =
          String(decoding: field.value, as: UTF8.self)
      }
    }
    guard let stream = words["stream"].flatMap({ StreamName(key: $0) }),
      let id = words["id"].flatMap({ StreamID($0) }), let group = words["group"]
    else { return nil }
    self.init(
      reason: words["reason"] ?? "", target: words["target"] ?? "", group: group,
      stream: stream, id: id, atMilliseconds: words["at"].flatMap { UInt64($0) } ?? 0,
      body: Self.body(own), cutBytes: words["cut"].flatMap { Int($0) })
  }

  private static func body(_ fields: [StreamEntry.Field]) -> StreamEntry.Body {
    if fields.count == 1, fields[0].name.elementsEqual("eve".utf8) {
      return .eve(Array(fields[0].value))
    }
    return .fields(fields)
  }

  /// Writes `XADD key … * field value …`.
  ///
  /// - Parameter limit: of the stream's length, about; 0 for none.
  package func append(to pipeline: inout RedisPipeline, key: String, limit: Int) {
    var words = [
      ("reason", reason), ("target", target), ("group", group), ("stream", stream.key),
      ("id", "\(id)"), ("at", "\(atMilliseconds)"),
    ]
    if let cutBytes { words.append(("cut", "\(cutBytes)")) }
    var own: [StreamEntry.Field] = []
    switch body {
    case .gone: break
    case .eve(let value): own = [(Array("eve".utf8)[...], value[...])]
    case .fields(let fields): own = fields
    }
    let trim = limit > 0 ? ["MAXLEN", "~", "\(limit)"] : []
    let head = ["XADD", key] + trim + ["*"]
    pipeline.begin(argumentCount: head.count + 2 * (words.count + own.count))
    for word in head { pipeline.argument(word) }
    for (name, value) in words {
      pipeline.argument(name)
      pipeline.argument(value)
    }
    for field in own {
      pipeline.argument((Self.fieldPrefix + field.name)[...])
      pipeline.argument(field.value)
    }
  }
}
