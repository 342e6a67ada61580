/// Types of records (IANA's registry), by their numbers.
enum DNSType {
  static let a: UInt16 = 1
  static let ns: UInt16 = 2
  static let cname: UInt16 = 5
  static let soa: UInt16 = 6
  static let null: UInt16 = 10
  static let ptr: UInt16 = 12
  static let mx: UInt16 = 15
  static let txt: UInt16 = 16
  static let aaaa: UInt16 = 28
  static let srv: UInt16 = 33
  static let opt: UInt16 = 41
  static let sshfp: UInt16 = 44
  static let spf: UInt16 = 99
  static let any: UInt16 = 255

  /// As Suricata has them; what it does not know by name, as IANA has it. Nil: only a number.
  static func name(_ type: UInt16) -> StaticString? {
    switch type {
    case 1: "A"
    case 2: "NS"
    case 3: "MD"
    case 4: "MF"
    case 5: "CNAME"
    case 6: "SOA"
    case 7: "MB"
    case 8: "MG"
    case 9: "MR"
    case 10: "NULL"
    case 11: "WKS"
    case 12: "PTR"
    case 13: "HINFO"
    case 14: "MINFO"
    case 15: "MX"
    case 16: "TXT"
    case 17: "RP"
    case 18: "AFSDB"
    case 19: "X25"
    case 20: "ISDN"
    case 21: "RT"
    case 22: "NSAP"
    case 23: "NSAPPTR"
    case 24: "SIG"
    case 25: "KEY"
    case 26: "PX"
    case 27: "GPOS"
    case 28: "AAAA"
    case 29: "LOC"
    case 30: "NXT"
    case 33: "SRV"
    case 34: "ATMA"
    case 35: "NAPTR"
    case 36: "KX"
    case 37: "CERT"
    case 38: "A6"
    case 39: "DNAME"
    default: newerName(type)
    }
  }

  private static func newerName(_ type: UInt16) -> StaticString? {
    switch type {
    case 41: "OPT"
    case 42: "APL"
    case 43: "DS"
    case 44: "SSHFP"
    case 45: "IPSECKEY"
    case 46: "RRSIG"
    case 47: "NSEC"
    case 48: "DNSKEY"
    case 49: "DHCID"
    case 50: "NSEC3"
    case 51: "NSEC3PARAM"
    case 52: "TLSA"
    case 53: "SMIMEA"
    case 55: "HIP"
    case 59: "CDS"
    case 60: "CDNSKEY"
    case 61: "OPENPGPKEY"
    case 62: "CSYNC"
    case 63: "ZONEMD"
    case 64: "SVCB"
    case 65: "HTTPS"
    case 99: "SPF"
    case 108: "EUI48"
    case 109: "EUI64"
    case 249: "TKEY"
    case 250: "TSIG"
    case 251: "IXFR"
    case 252: "AXFR"
    case 253: "MAILB"
    case 254: "MAILA"
    case 255: "ANY"
    case 256: "URI"
    case 257: "CAA"
    case 32768: "TA"
    case 32769: "DLV"
    default: nil
    }
  }

  /// Types that Suricata puts into `grouped`, in the order in which they stand there.
  static func grouped(_ place: Int) -> UInt16? {
    switch place {
    case 0: a
    case 1: aaaa
    case 2: cname
    case 3: mx
    case 4: ns
    case 5: null
    case 6: ptr
    case 7: soa
    case 8: srv
    case 9: sshfp
    case 10: txt
    default: nil
    }
  }
}

/// Response codes (RFC 6895, 2.3) as Suricata has them.
enum DNSRcode {
  static func name(_ code: UInt16) -> StaticString? {
    switch code {
    case 0: "NOERROR"
    case 1: "FORMERR"
    case 2: "SERVFAIL"
    case 3: "NXDOMAIN"
    case 4: "NOTIMP"
    case 5: "REFUSED"
    case 6: "YXDOMAIN"
    case 7: "YXRRSET"
    case 8: "NXRRSET"
    case 9: "NOTAUTH"
    case 10: "NOTZONE"
    case 16: "BADVERS/BADSIG"
    case 17: "BADKEY"
    case 18: "BADTIME"
    case 19: "BADMODE"
    case 20: "BADNAME"
    case 21: "BADALG"
    case 22: "BADTRUNC"
    case 23: "BADCOOKIE"
    default: nil
    }
  }
}

/// Classes (RFC 6895, 3.2).
enum DNSClass {
  static let internet: UInt16 = 1

  static func name(_ number: UInt16) -> StaticString? {
    switch number {
    case 1: "IN"
    case 3: "CH"
    case 4: "HS"
    case 254: "NONE"
    case 255: "ANY"
    default: nil
    }
  }
}
