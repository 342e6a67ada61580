internal import Records

extension DNSFields {
  private typealias Field = EventFieldDefinition

  static let definitions: [EventFieldDefinition] = [
    Field(version, "version", .integer, "Suricata", "of the record's form: 2; answers only"),
    Field(type, "type", .string, "Suricata", "query or answer"),
    Field(id, "id", .integer, "Suricata", "the message's id"),
    Field(
      flags, "flags", .string, "Suricata", "the header's flags, hexadecimal; answers only"),
    Field(qr, "qr", .boolean, "Suricata", "flag: a response; answers only, as the next four"),
    Field(aa, "aa", .boolean, "Suricata", "flag: authoritative answer"),
    Field(tc, "tc", .boolean, "Suricata", "flag: the answer is truncated"),
    Field(rd, "rd", .boolean, "Suricata", "flag: recursion desired"),
    Field(ra, "ra", .boolean, "Suricata", "flag: recursion available"),
    Field(z, "z", .boolean, "Suricata", "the reserved bit is set"),
    Field(opcode, "opcode", .integer, "Suricata", "0 query, 4 notify, 5 update …"),
    Field(rrname, "rrname", .string, "Suricata", "name asked for; in a record its owner"),
    Field(
      rrnameTruncated, "rrname_truncated", .boolean, "Suricata",
      "the name is longer than 1,025 bytes and cut"),
    Field(rrtype, "rrtype", .string, "Suricata", "type asked for; in a record its type"),
    Field(rrclass, "rrclass", .string, "Martlet", "class, where it is not IN"),
    Field(txID, "tx_id", .integer, "Suricata", "number of the message in its flow; queries only"),
    Field(rcode, "rcode", .string, "Suricata", "how it went: NOERROR, NXDOMAIN …"),
    Field(rtt, "rtt", .number, "Zeek", "seconds from the query to this answer"),
    Field(answers, "answers", .array, "Suricata", "records of the answer section"),
    Field(authorities, "authorities", .array, "Suricata", "records of the authority section"),
    Field(
      additionals, "additionals", .array, "Suricata",
      "records of the additional section, but OPT; as Suricata 8 has them"),
    Field(ttl, "ttl", .integer, "Suricata", "seconds for which the record may be kept"),
    Field(
      rdata, "rdata", .string, "Suricata",
      "the record's data; of types that Suricata leaves out as master files have them"),
    Field(rdataTruncated, "rdata_truncated", .boolean, "Suricata", "the data is cut"),
    Field(preference, "preference", .integer, "Martlet", "of an MX record"),
    Field(soa, "soa", .object, "Suricata", "data of an SOA record"),
    Field(mname, "mname", .string, "Suricata", "the zone's primary server"),
    Field(rname, "rname", .string, "Suricata", "mailbox of who is responsible"),
    Field(serial, "serial", .integer, "Suricata", "the zone's version"),
    Field(refresh, "refresh", .integer, "Suricata", "seconds between refreshes"),
    Field(retry, "retry", .integer, "Suricata", "seconds before a failed refresh is tried again"),
    Field(expire, "expire", .integer, "Suricata", "seconds after which the zone is given up"),
    Field(minimum, "minimum", .integer, "Suricata", "seconds for negative answers"),
    Field(srv, "srv", .object, "Suricata", "data of an SRV record"),
    Field(priority, "priority", .integer, "Suricata", "of the target"),
    Field(weight, "weight", .integer, "Suricata", "of the target among its equals"),
    Field(port, "port", .integer, "Suricata", "the service's port"),
    Field(name, "name", .string, "Suricata", "the target"),
    Field(sshfp, "sshfp", .object, "Suricata", "data of an SSHFP record"),
    Field(fingerprint, "fingerprint", .string, "Suricata", "as hexadecimal digits with colons"),
    Field(algo, "algo", .integer, "Suricata", "the key's algorithm"),
    Field(fingerprintType, "type", .integer, "Suricata", "the fingerprint's algorithm"),
    Field(grouped, "grouped", .object, "Suricata", "the answers' data by type"),
    Field(groupedA, "A", .array, "Suricata", "addresses"),
    Field(groupedAAAA, "AAAA", .array, "Suricata", "addresses"),
    Field(groupedCNAME, "CNAME", .array, "Suricata", "names"),
    Field(groupedMX, "MX", .array, "Suricata", "names"),
    Field(groupedNS, "NS", .array, "Suricata", "names"),
    Field(groupedNULL, "NULL", .array, "Suricata", "bytes"),
    Field(groupedPTR, "PTR", .array, "Suricata", "names"),
    Field(groupedSOA, "SOA", .array, "Suricata", "objects as in answers"),
    Field(groupedSRV, "SRV", .array, "Suricata", "objects as in answers"),
    Field(groupedSSHFP, "SSHFP", .array, "Suricata", "objects as in answers"),
    Field(groupedTXT, "TXT", .array, "Suricata", "texts"),
    Field(edns, "edns", .object, "Martlet", "extension mechanisms (RFC 6891)"),
    Field(ednsVersion, "version", .integer, "Martlet", "of EDNS"),
    Field(udpSize, "udp_size", .integer, "Martlet", "the longest datagram that the sender takes"),
    Field(dnssecOK, "do", .boolean, "Martlet", "flag: DNSSEC's records are wanted"),
    Field(
      extendedRcode, "rcode", .string, "Martlet",
      "response code with the upper bits that EDNS adds, where there are any"),
    Field(
      clientSubnet, "client_subnet", .string, "Martlet",
      "on whose behalf: address and length of its prefix (RFC 7871)"),
    Field(
      clientSubnetScope, "client_subnet_scope", .integer, "Martlet",
      "length of the prefix for which the answer holds"),
    Field(nsid, "nsid", .string, "Martlet", "the server's identifier (RFC 5001)"),
    Field(
      cookie, "cookie", .string, "Martlet",
      "whose cookies are there, client or client+server; their values are left out (RFC 7873)"),
    Field(extendedError, "error", .integer, "Martlet", "extended error (RFC 8914)"),
    Field(extendedErrorText, "error_text", .string, "Martlet", "its text"),
    Field(padding, "padding", .integer, "Martlet", "bytes of padding (RFC 7830)"),
    Field(options, "options", .array, "Martlet", "codes of all options"),
    Field(
      unicastResponse, "unicast_response", .boolean, "Martlet",
      "mDNS: the answer may come to the asker alone (RFC 6762, 5.4)"),
    Field(
      cacheFlush, "cache_flush", .boolean, "Martlet",
      "mDNS: the record replaces what is known (RFC 6762, 10.2)"),
  ]

  static let zeekDefinitions: [EventFieldDefinition] = [
    hidden(zeekTime, "ts", .timestamp, "of the query; where only the answer was seen, of it"),
    hidden(zeekID, "trans_id", .integer, "the message's id"),
    hidden(zeekRTT, "rtt", .number, "seconds from query to answer"),
    hidden(zeekQuery, "query", .string, "the name in lower case"),
    hidden(zeekClass, "qclass", .integer, "class asked for"),
    hidden(zeekType, "qtype", .integer, "type asked for"),
    hidden(zeekRcode, "rcode", .integer, "the answer's code"),
    hidden(zeekAA, "AA", .boolean, "authoritative answer"),
    hidden(zeekTC, "TC", .boolean, "the query is truncated"),
    hidden(zeekRD, "RD", .boolean, "recursion desired"),
    hidden(zeekRA, "RA", .boolean, "recursion available"),
    hidden(zeekZ, "Z", .integer, "the query's three reserved bits"),
    hidden(zeekAnswers, "answers", .array, "the answers as Zeek writes them"),
    hidden(zeekTTLs, "TTLs", .array, "their seconds"),
    hidden(zeekRejected, "rejected", .boolean, "the server refused the query"),
    hidden(zeekOpcode, "opcode", .integer, "kind of query"),
  ]

  private static func hidden(
    _ field: EventField, _ name: StaticString, _ kind: EventFieldDefinition.Kind,
    _ meaning: StaticString
  ) -> EventFieldDefinition {
    EventFieldDefinition(field, name, kind, "Zeek", meaning, isHidden: true)
  }
}
