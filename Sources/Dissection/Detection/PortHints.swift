internal import FlowEngine

/// What well-known ports promise (IANA's registry, and custom): tried first, and never believed.
enum PortHints {
  /// What the server's port promises, else the client's.
  static func expected(_ key: FlowKey, clientSide: UInt8) -> AppProtocol {
    let isTCP = key.proto == IPProtocol.tcp
    let server = hint(clientSide == 0 ? key.portB : key.portA, isTCP: isTCP)
    return server != .unknown ? server : hint(clientSide == 0 ? key.portA : key.portB, isTCP: isTCP)
  }

  static func hint(_ port: UInt16, isTCP: Bool) -> AppProtocol {
    isTCP ? tcp(port) : udp(port)
  }

  private static func tcp(_ port: UInt16) -> AppProtocol {
    switch port {
    case 20: .ftpData
    case 21: .ftp
    case 22: .ssh
    case 23: .telnet
    case 25, 587, 2525: .smtp
    case 53: .dns
    case 80, 8000, 8008, 8080, 8888, 3128: .http
    case 88: .kerberos
    case 102: .unknown
    case 110: .pop3
    case 135: .dcerpc
    case 139, 445: .smb
    case 143: .imap
    case 389, 3268: .ldap
    case 443, 465, 563, 636, 853, 989, 990, 993, 995, 8443, 5061, 8883: .tls
    case 502: .modbus
    case 514: .syslog
    case 1194: .openvpn
    case 1883: .mqtt
    case 2049: .nfs
    case 3389: .rdp
    case 5060: .sip
    case 20000: .dnp3
    default: .unknown
    }
  }

  private static func udp(_ port: UInt16) -> AppProtocol {
    switch port {
    case 53: .dns
    case 67, 68: .dhcp
    case 69: .tftp
    case 80, 443, 853, 8853: .quic
    case 88: .kerberos
    case 123: .ntp
    case 161, 162: .snmp
    case 389: .ldap
    case 514: .syslog
    case 546, 547: .dhcpv6
    case 1194: .openvpn
    case 2049: .nfs
    case 3478: .stun
    case 5060: .sip
    case 5353: .mdns
    case 5355: .llmnr
    case 51820: .wireguard
    case 6881: .bittorrent
    case 20000: .dnp3
    default: .unknown
    }
  }
}
