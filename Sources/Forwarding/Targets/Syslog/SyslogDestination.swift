/// How syslog messages travel.
package enum SyslogTransport: String, CaseIterable, Sendable {
  /// A message a datagram (RFC 5426).
  case udp
  /// Octet counting (RFC 6587 section 3.4.1).
  case tcp
  /// RFC 5425.
  case tls

  /// What IANA has given them: syslog, syslog-conn, syslog-tls.
  package var defaultPort: UInt16 {
    switch self {
    case .udp: 514
    case .tcp: 601
    case .tls: 6514
    }
  }
}

/// Where syslog messages go: `tls://collector.example:6514`.
package struct SyslogDestination: Sendable, Equatable, CustomStringConvertible {
  package var transport: SyslogTransport
  /// A name, an IPv4 address, or an IPv6 address without brackets.
  package var host: String
  package var port: UInt16

  package init(transport: SyslogTransport, host: String, port: UInt16) {
    self.transport = transport
    self.host = host
    self.port = port
  }

  /// Reads `udp://host`, `tcp://host:port`, `tls://[address]:port`.
  package init(_ text: String) throws(TargetFault) {
    func fault(_ reason: String) -> TargetFault {
      TargetFault(
        "'\(text)': \(reason); expected udp://HOST[:PORT], tcp://HOST[:PORT] or tls://HOST[:PORT]",
        isFinal: true)
    }
    guard let separator = text.firstRange(of: "://"),
      let transport = SyslogTransport(rawValue: String(text[..<separator.lowerBound]))
    else { throw fault("no syslog destination") }

    var rest = text[separator.upperBound...]
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    var portText: Substring?
    if rest.hasPrefix("[") {
      guard let end = rest.firstIndex(of: "]") else { throw fault("no ']' after the address") }
      host = String(rest[rest.index(after: rest.startIndex)..<end])
      let after = rest[rest.index(after: end)...]
      guard after.isEmpty || after.hasPrefix(":") else { throw fault("no ':' after ']'") }
      portText = after.isEmpty ? nil : after.dropFirst()
    } else {
      let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2 else { throw fault("an IPv6 address stands in brackets") }
      host = String(parts[0])
      portText = parts.count == 2 ? parts[1] : nil
    }
    guard !host.isEmpty, host.utf8.allSatisfy({ Self.isAllowed($0) })
    else { throw fault("no host") }
    self.transport = transport
    guard let portText else {
      port = transport.defaultPort
      return
    }
    guard let port = UInt16(portText), port > 0
    else { throw fault("'\(portText)' is no port from 1 to 65535") }
    self.port = port
  }

  /// Letters, digits and `.-_:%`: nothing that could mean something else within a URL.
  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: ".-_:%".utf8.contains(byte)
    }
  }

  /// With the brackets that an IPv6 address needs beside a port.
  var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

  package var description: String { "\(transport.rawValue)://\(bracketedHost):\(port)" }
}
