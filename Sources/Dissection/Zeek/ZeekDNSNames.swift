/// Names of numbers in DNS messages as Zeek's logs have them.
enum ZeekDNSNames {
  /// The IANA's registry Resource Record (RR) TYPEs, `*` for ANY.
  @Sendable static func type(_ number: UInt64) -> String {
    if number < types.count, !types[Int(number)].isEmpty { return types[Int(number)] }
    return switch number {
    case 99: "SPF"
    case 100: "UINFO"
    case 101: "UID"
    case 102: "GID"
    case 103: "UNSPEC"
    case 104: "NID"
    case 105: "L32"
    case 106: "L64"
    case 107: "LP"
    case 108: "EUI48"
    case 109: "EUI64"
    case 249: "TKEY"
    case 250: "TSIG"
    case 251: "IXFR"
    case 252: "AXFR"
    case 253: "MAILB"
    case 254: "MAILA"
    case 255: "*"
    case 256: "URI"
    case 257: "CAA"
    case 32_768: "TA"
    case 32_769: "DLV"
    case 65_281: "WINS"
    case 65_282: "WINS-R"
    case 65_422: "XPF"
    case 65_521: "INTEGRITY"
    default: "query-\(number)"
    }
  }

  /// From type 0 on; where Zeek has no name it is empty.
  private static let types = [
    "", "A", "NS", "MD", "MF", "CNAME", "SOA", "MB", "MG", "MR", "NULL", "WKS", "PTR", "HINFO",
    "MINFO", "MX", "TXT", "RP", "AFSDB", "X25", "ISDN", "RT", "NSAP", "NSAP-PTR", "SIG", "KEY",
    "PX", "GPOS", "AAAA", "LOC", "NXT", "EID", "NIMLOC", "SRV", "ATMA", "NAPTR", "KX", "CERT",
    "A6", "DNAME", "SINK", "OPT", "APL", "DS", "SSHFP", "IPSECKEY", "RRSIG", "NSEC", "DNSKEY",
    "DHCID", "NSEC3", "NSEC3PARAM", "TLSA", "SMIMEA", "", "HIP", "NINFO", "RKEY", "TALINK", "CDS",
    "CDNSKEY", "OPENPGPKEY", "CSYNC", "ZONEMD", "SVCB", "HTTPS",
  ]

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
