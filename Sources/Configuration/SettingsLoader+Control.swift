import Foundation

extension SettingsLoader {
  static func readControl(_ reader: SectionReader, folder: String) -> Settings.Control {
    var control = Settings.Control()
    control.socket = reader.text("socket") ?? control.socket
    control.group = reader.text("group")
    if let mode = reader.text("mode") {
      if (3...4).contains(mode.utf8.count), mode.utf8.allSatisfy({ (48...55).contains($0) }),
        let bits = Int(mode, radix: 8), bits <= 0o777
      {
        control.mode = bits
      } else {
        reader.note(
          "mode",
          "is \(SectionReader.quoted(mode));"
            + " octal digits in quotes would be right, such as \"0660\""
        )
      }
    }
    control.viewers = readNames("viewers", reader)
    control.operators = readNames("operators", reader)
    control.admins = readNames("admins", reader)
    control.auditLog = reader.text("auditLog").map { resolve($0, folder) }
    control.auditRequired = reader.flag("auditRequired", control.auditRequired)
    let limits = reader.section("limits")
    control.limits.clients = limits.integer("clients") ?? control.limits.clients
    control.limits.messageBytes = limits.integer("messageBytes") ?? control.limits.messageBytes
    control.limits.requestsPerBatch =
      limits.integer("requestsPerBatch") ?? control.limits.requestsPerBatch
    control.limits.subscriptionsPerClient =
      limits.integer("subscriptionsPerClient") ?? control.limits.subscriptionsPerClient
    control.limits.idleSeconds = limits.number("idleSeconds", control.limits.idleSeconds)
    control.limits.writeSeconds = limits.number("writeSeconds", control.limits.writeSeconds)
    limits.finish()
    reader.finish()
    return control
  }

  /// Users and groups; whether there are such is looked up where the daemon runs.
  private static func readNames(_ key: String, _ reader: SectionReader) -> [String] {
    let names = reader.texts(key, such: "@netops") ?? []
    for name in names {
      let bare = name.hasPrefix("@") ? name.dropFirst() : name[...]
      if bare.isEmpty || bare.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f || $0 == 0x3a }) {
        reader.note(
          key,
          "holds \(SectionReader.quoted(name)); a user's name or number, or a group's behind an @,"
            + " would be right")
      }
    }
    return names
  }

  /// `127.0.0.1:9464` or `[::1]:9464`.
  static func readListen(_ text: String, _ reader: SectionReader) -> Settings.ListenAddress? {
    var address = text.lastIndex(of: ":").map { text[..<$0] } ?? ""
    let port = text.lastIndex(of: ":").flatMap { Int(text[text.index(after: $0)...]) }
    let isBracketed = address.hasPrefix("[") && address.hasSuffix("]")
    if isBracketed { address = address.dropFirst().dropLast() }
    var room = in6_addr()
    let family = isBracketed ? AF_INET6 : AF_INET
    guard let port, (0...65_535).contains(port), inet_pton(family, String(address), &room) == 1
    else {
      reader.note(
        "listen",
        "is \(SectionReader.quoted(text)); an address and a port would be right, such as"
          + " 127.0.0.1:9464 or [::1]:9464")
      return nil
    }
    return Settings.ListenAddress(address: String(address), port: port)
  }
}
