/// A property of librdkafka's (its CONFIGURATION.md names them).
package struct KafkaProperty: Sendable {
  package var name: String
  /// May be a secret: never printed.
  package var value: String
  /// Line of the file that it stands in.
  package var line: Int

  /// Reads a file's text: `name=value` a line; empty lines and those from `#` say nothing.
  package static func parse(_ text: String, path: String) throws(TargetFault) -> [KafkaProperty] {
    var properties: [KafkaProperty] = []
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() {
      let line = trimmed(line)
      if line.isEmpty || line.hasPrefix("#") { continue }
      // The line itself is not shown: it may be half of a password.
      guard let equals = line.firstIndex(of: "="), equals > line.startIndex else {
        throw TargetFault("\(path):\(index + 1): expected NAME=VALUE", isFinal: true)
      }
      let name = String(trimmed(line[..<equals]))
      if let reason = fixed[name] {
        throw TargetFault("\(path):\(index + 1): '\(name)' \(reason)", isFinal: true)
      }
      let value = trimmed(line[line.index(after: equals)...])
      properties.append(KafkaProperty(name: name, value: String(value), line: index + 1))
    }
    return properties
  }

  /// What is not for the file to say.
  private static let fixed: [String: String] = {
    let promise = "is fixed: without it records could be lost or doubled in silence"
    let verified = "is fixed: brokers are always verified; ssl.ca.location names their authority"
    let option = "is an option of the command"
    return [
      "enable.idempotence": promise, "acks": promise, "request.required.acks": promise,
      "delivery.report.only.error": promise, "transactional.id": "is not used",
      "enable.ssl.certificate.verification": verified,
      "ssl.endpoint.identification.algorithm": verified, "log.queue": "is fixed",
      "test.mock.num.brokers": "would lead to brokers that forget",
      "bootstrap.servers": option, "metadata.broker.list": option,
      "message.timeout.ms": option, "delivery.timeout.ms": option, "linger.ms": option,
      "queue.buffering.max.ms": option, "compression.codec": option, "compression.type": option,
      "message.max.bytes": option,
    ]
  }()

  private static func trimmed(_ text: Substring) -> Substring {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    var text = text.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
  }
}
