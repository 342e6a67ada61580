internal import Records

/// EVE's `dns`, version 2 as Suricata 7 makes it.
enum DNSFields {
  static let number: UInt8 = 2
  private static func field(_ index: UInt8) -> EventField { EventField(group: 2, index: index) }

  static var version: EventField { field(1) }
  static var type: EventField { field(2) }
  static var id: EventField { field(3) }
  static var flags: EventField { field(4) }
  static var qr: EventField { field(5) }
  static var aa: EventField { field(6) }
  static var tc: EventField { field(7) }
  static var rd: EventField { field(8) }
  static var ra: EventField { field(9) }
  static var z: EventField { field(10) }
  static var opcode: EventField { field(11) }
  static var rrname: EventField { field(12) }
  static var rrnameTruncated: EventField { field(13) }
  static var rrtype: EventField { field(14) }
  static var rrclass: EventField { field(15) }
  static var txID: EventField { field(16) }
  static var rcode: EventField { field(17) }
  static var rtt: EventField { field(18) }
  static var answers: EventField { field(19) }
  static var authorities: EventField { field(20) }
  static var additionals: EventField { field(21) }
  static var ttl: EventField { field(22) }
  static var rdata: EventField { field(23) }
  static var rdataTruncated: EventField { field(24) }
  static var preference: EventField { field(25) }

  static var soa: EventField { field(26) }
  static var mname: EventField { field(27) }
  static var rname: EventField { field(28) }
  static var serial: EventField { field(29) }
  static var refresh: EventField { field(30) }
  static var retry: EventField { field(31) }
  static var expire: EventField { field(32) }
  static var minimum: EventField { field(33) }
  static var srv: EventField { field(34) }
  static var priority: EventField { field(35) }
  static var weight: EventField { field(36) }
  static var port: EventField { field(37) }
  static var name: EventField { field(38) }
  static var sshfp: EventField { field(39) }
  static var fingerprint: EventField { field(40) }
  static var algo: EventField { field(41) }
  static var fingerprintType: EventField { field(42) }

  static var grouped: EventField { field(43) }
  static var groupedA: EventField { field(44) }
  static var groupedAAAA: EventField { field(45) }
  static var groupedCNAME: EventField { field(46) }
  static var groupedMX: EventField { field(47) }
  static var groupedNS: EventField { field(48) }
  static var groupedNULL: EventField { field(49) }
  static var groupedPTR: EventField { field(50) }
  static var groupedSOA: EventField { field(51) }
  static var groupedSRV: EventField { field(52) }
  static var groupedSSHFP: EventField { field(53) }
  static var groupedTXT: EventField { field(54) }

  static var edns: EventField { field(55) }
  static var ednsVersion: EventField { field(56) }
  static var udpSize: EventField { field(57) }
  static var dnssecOK: EventField { field(58) }
  static var extendedRcode: EventField { field(59) }
  static var clientSubnet: EventField { field(60) }
  static var clientSubnetScope: EventField { field(61) }
  static var nsid: EventField { field(62) }
  static var cookie: EventField { field(63) }
  static var extendedError: EventField { field(64) }
  static var extendedErrorText: EventField { field(65) }
  static var padding: EventField { field(66) }
  static var options: EventField { field(67) }
  static var unicastResponse: EventField { field(68) }
  static var cacheFlush: EventField { field(69) }

  static var zeekTime: EventField { field(128) }
  static var zeekQuery: EventField { field(129) }
  static var zeekClass: EventField { field(130) }
  static var zeekType: EventField { field(131) }
  static var zeekRcode: EventField { field(132) }
  static var zeekAA: EventField { field(133) }
  static var zeekTC: EventField { field(134) }
  static var zeekRD: EventField { field(135) }
  static var zeekRA: EventField { field(136) }
  static var zeekZ: EventField { field(137) }
  static var zeekAnswers: EventField { field(138) }
  static var zeekTTLs: EventField { field(139) }
  static var zeekRejected: EventField { field(140) }
  static var zeekID: EventField { field(141) }
  static var zeekRTT: EventField { field(142) }
  static var zeekOpcode: EventField { field(143) }

  /// `grouped`'s member for a type that has one there.
  static func grouped(_ type: UInt16) -> EventField? {
    switch type {
    case DNSType.a: groupedA
    case DNSType.aaaa: groupedAAAA
    case DNSType.cname: groupedCNAME
    case DNSType.mx: groupedMX
    case DNSType.ns: groupedNS
    case DNSType.null: groupedNULL
    case DNSType.ptr: groupedPTR
    case DNSType.soa: groupedSOA
    case DNSType.srv: groupedSRV
    case DNSType.sshfp: groupedSSHFP
    case DNSType.txt: groupedTXT
    default: nil
    }
  }

  static let group = EventGroup(
    number: number, type: .dns, key: "dns", fields: definitions + zeekDefinitions)
}
