/// Names of numbers in DNS messages as Zeek's logs have them.
enum ZeekDNSNames {
  /// The IANA's registry Resource Record (RR) TYPEs, `*` for ANY.
  @Sendable static func type(_ number: UInt64) -> String {
    switch number {
    case 23: "NSAP-PTR"
    case 31: "EID"
    case 32: "NIMLOC"
    case 40: "SINK"
    case 56: "NINFO"
    case 57: "RKEY"
    case 58: "TALINK"
    case 100: "UINFO"
    case 101: "UID"
    case 102: "GID"
    case 103: "UNSPEC"
    case 104: "NID"
    case 105: "L32"
    case 106: "L64"
    case 107: "LP"
    case 255: "*"
    case 65_281: "WINS"
    case 65_282: "WINS-R"
    case 65_422: "XPF"
    case 65_521: "INTEGRITY"
    default:
      UInt16(exactly: number).flatMap(DNSType.name).map(\.description) ?? "query-\(number)"
    }
  }

  /// RFC 6895, section 2.3.
  @Sendable static func code(_ number: UInt64) -> String {
    if number < codes.count { return codes[Int(number)] }
    return switch number {
    case 11...15: "unassigned-\(number)"
    case 16: "BADVERS"
    case 17: "BADKEY"
    case 18: "BADTIME"
    case 19: "BADMODE"
    case 20: "BADNAME"
    case 21: "BADALG"
    case 22: "BADTRUNC"
    case 23: "BADCOOKIE"
    default: "rcode-\(number)"
    }
  }

  private static let codes = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
    "NXRRSet", "NOTAUTH", "NOTZONE",
  ]

  @Sendable static func dnsClass(_ number: UInt64) -> String {
    switch number {
    case 1: "C_INTERNET"
    case 2: "C_CSNET"
    case 3: "C_CHAOS"
    case 4: "C_HESIOD"
    case 254: "C_NONE"
    case 255: "C_ANY"
    default: "qclass-\(number)"
    }
  }

  @Sendable static func opcode(_ number: UInt64) -> String {
    switch number {
    case 0: "query"
    case 1: "iquery"
    case 2: "server-status"
    case 4: "notify"
    case 5: "dynamic-update"
    case 6: "dso"
    default: "opcode-\(number)"
    }
  }

  /// Over port 137, RFC 1002, section 4.2.1.1.
  @Sendable static func netBIOSOpcode(_ number: UInt64) -> String {
    switch number {
    case 0: "netbios-query"
    case 5: "netbios-registration"
    case 6: "netbios-release"
    case 7: "netbios-wack"
    case 8: "netbios-refresh"
    default: "netbios-opcode-\(number)"
    }
  }
}
