import FlowEngine

/// Services by port under their usual names, IANA's for the most part; a hint and no more.
enum ServiceNames {
  /// The service that is usually found at a port of TCP, UDP or SCTP; nil where none is known.
  static func name(proto: UInt8, port: UInt16) -> String? {
    switch proto {
    case IPProtocol.tcp: tcp[port]
    case IPProtocol.udp: udp[port]
    case IPProtocol.sctp: sctp[port]
    default: nil
    }
  }

  /// The same without its name: one look into a table, for every flow.
  static func isKnown(proto: UInt8, port: UInt16) -> Bool {
    switch proto {
    case IPProtocol.tcp: known.tcp[Int(port)]
    case IPProtocol.udp: known.udp[Int(port)]
    case IPProtocol.sctp: known.sctp[Int(port)]
    default: false
    }
  }

  private static let known = (
    tcp: flags(tcp), udp: flags(udp), sctp: flags(sctp)
  )

  private static func flags(_ names: [UInt16: String]) -> [Bool] {
    var flags = [Bool](repeating: false, count: 65_536)
    for port in names.keys { flags[Int(port)] = true }
    return flags
  }

  private static let tcp = parse(both + " " + tcpOnly)
  private static let udp = parse(both + " " + udpOnly)
  private static let sctp = parse(sctpOnly)

  private static func parse(_ list: String) -> [UInt16: String] {
    var names: [UInt16: String] = [:]
    for entry in list.split(whereSeparator: \.isWhitespace) {
      let parts = entry.split(separator: ":")
      guard parts.count == 2, let port = UInt16(parts[0]) else {
        preconditionFailure("\(entry) is no port and name")
      }
      names[port] = String(parts[1])
    }
    return names
  }

  private static let both = """
    7:echo 9:discard 13:daytime 19:chargen 37:time 49:tacacs 53:domain 88:kerberos 111:sunrpc
    113:ident 135:epmap 137:netbios-ns 138:netbios-dgm 139:netbios-ssn 161:snmp 162:snmptrap
    177:xdmcp 194:irc 264:bgmp 318:pkix-timestamp 389:ldap 427:svrloc 434:mobileip-agent
    443:https 445:microsoft-ds 464:kpasswd 513:login 514:syslog 515:printer 546:dhcpv6-client
    547:dhcpv6-server 554:rtsp 563:nntps 631:ipp 636:ldaps 646:ldp 853:domain-s 902:vmware-auth
    1080:socks 1194:openvpn 1433:ms-sql-s 1434:ms-sql-m 1512:wins 1521:oracle 1701:l2tp
    1720:h323hostcall 1723:pptp 1812:radius 1813:radius-acct 1900:ssdp 1935:rtmp
    2000:cisco-sccp 2049:nfs 2055:netflow 2123:gtp-control 2152:gtp-user 2222:ethernet-ip
    2404:iec-104
    3128:squid 3268:msft-gc 3269:msft-gc-ssl 3306:mysql 3389:ms-wbt-server 3478:stun
    3544:teredo 3702:ws-discovery 4500:ipsec-nat-t 4739:ipfix 4789:vxlan 4840:opc-ua
    5004:avt-profile-1 5005:avt-profile-2 5060:sip 5061:sips 5222:xmpp-client 5269:xmpp-server
    5353:mdns 5355:llmnr 5432:postgresql 5671:amqps 5672:amqp 5683:coap 5684:coaps 5900:rfb
    6081:geneve 6343:sflow 6379:redis 6653:openflow 8080:http-alt 8443:https-alt 8883:secure-mqtt
    9100:pdl-datastream 10050:zabbix-agent 10051:zabbix-trapper 11211:memcache 20000:dnp3
    27017:mongodb 44818:ethernet-ip 47808:bacnet
    """

  private static let tcpOnly = """
    20:ftp-data 21:ftp 22:ssh 23:telnet 25:smtp 43:whois 70:gopher 79:finger 80:http 102:iso-tsap
    109:pop2 110:pop3 119:nntp 143:imap 179:bgp 220:imap3 465:submissions 502:modbus 512:exec
    543:klogin 544:kshell 587:submission 593:http-rpc-epmap 639:msdp 749:kerberos-adm
    860:iscsi 873:rsync 989:ftps-data 990:ftps 992:telnets 993:imaps 994:ircs 995:pop3s
    1883:mqtt 2181:zookeeper 2375:docker 2376:docker-s 3260:iscsi-target 3690:svn 4505:salt-publish
    4506:salt-ret 5985:wsman 5986:wsmans 6000:x11 6443:kube-api 6667:irc 7000:afs3-fileserver
    8000:http-alt 8008:http-alt 8086:influxdb 8554:rtsp-alt 8888:http-alt
    9042:cassandra 9092:kafka 9200:elasticsearch 9418:git 25565:minecraft 50000:db2
    """

  private static let udpOnly = """
    67:bootps 68:bootpc 69:tftp 80:http 123:ntp 319:ptp-event 320:ptp-general 500:isakmp 512:biff
    520:router 521:ripng 623:asf-rmcp 1645:radius-old 1646:radius-acct-old 1985:hsrp 3222:glbp
    3503:lsp-ping 3784:bfd-control 3785:bfd-echo 4784:bfd-multi-ctl 5350:pcp-multicast 5351:nat-pmp
    6000:x11 9995:netflow 34964:profinet-cm 41641:tailscale 51820:wireguard
    """

  private static let sctpOnly = """
    2904:m2ua 2905:m3ua 2944:megaco-h248 3565:m2pa 3868:diameter 5060:sip 5061:sips
    9899:sctp-tunneling
    36412:s1-control 36422:x2-control 38412:ng-control
    """
}
