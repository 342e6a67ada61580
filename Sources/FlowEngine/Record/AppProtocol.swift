/// What a flow speaks, as far as its content shows: EVE's `app_proto`.
@usableFromInline
package enum AppProtocol: UInt8, CaseIterable, Sendable {
  /// Not known, or not known yet.
  case unknown
  /// What there was to look at is nothing that is known here.
  case failed
  case bittorrent
  case dcerpc
  case dhcp
  case dhcpv6
  case dnp3
  case dns
  case ftp
  case ftpData
  case http
  case http2
  case imap
  case kerberos
  case ldap
  case llmnr
  case mdns
  case modbus
  case mqtt
  case nfs
  case ntp
  case openvpn
  case pop3
  case quic
  case rdp
  case rtcp
  case rtp
  case sip
  case smb
  case smtp
  case snmp
  case ssh
  case stun
  case syslog
  case telnet
  case tftp
  case tls
  case websocket
  case wireguard

  /// The protocol that EVE calls so; those that name none are none.
  package static func named(_ name: String) -> AppProtocol? {
    allCases.first { $0 != .unknown && $0 != .failed && "\($0.name)" == name }
  }

  /// As EVE writes it: Suricata's name where it has one.
  package var name: StaticString {
    switch self {
    case .unknown: "unknown"
    case .failed: "failed"
    case .bittorrent: "bittorrent"
    case .dcerpc: "dcerpc"
    case .dhcp: "dhcp"
    case .dhcpv6: "dhcpv6"
    case .dnp3: "dnp3"
    case .dns: "dns"
    case .ftp: "ftp"
    case .ftpData: "ftp-data"
    case .http: "http"
    case .http2: "http2"
    case .imap: "imap"
    case .kerberos: "krb5"
    case .ldap: "ldap"
    case .llmnr: "llmnr"
    case .mdns: "mdns"
    case .modbus: "modbus"
    case .mqtt: "mqtt"
    case .nfs: "nfs"
    case .ntp: "ntp"
    case .openvpn: "openvpn"
    case .pop3: "pop3"
    case .quic: "quic"
    case .rdp: "rdp"
    case .rtcp: "rtcp"
    case .rtp: "rtp"
    case .sip: "sip"
    case .smb: "smb"
    case .smtp: "smtp"
    case .snmp: "snmp"
    case .ssh: "ssh"
    case .stun: "stun"
    case .syslog: "syslog"
    case .telnet: "telnet"
    case .tftp: "tftp"
    case .tls: "tls"
    case .websocket: "websocket"
    case .wireguard: "wireguard"
    }
  }
}

/// What dissection knows of a flow: 16 bytes beside its entry.
@usableFromInline @frozen
package struct FlowApp: BitwiseCopyable, Sendable {
  /// The dissection's state of the flow; 0: none.
  @usableFromInline package var state: UInt32 = 0
  /// Transactions recorded of it, as far as 16 bits go.
  package var transactions: UInt16 = 0
  /// ``AppProtocol``: what it speaks.
  package var proto: UInt8 = 0
  /// What each side alone was taken for, where that differs.
  package var toServer: UInt8 = 0
  package var toClient: UInt8 = 0
  /// What its port had promised, where it speaks something else.
  package var expected: UInt8 = 0
  /// What it spoke before it changed (STARTTLS, CONNECT, upgrade).
  package var original: UInt8 = 0
  /// ``Flags``
  @usableFromInline package var flags: UInt8 = 0
  /// Bytes that holes in the streams hid from dissection.
  package var missing: UInt32 = 0

  @inlinable package init() {}

  /// Bits of ``flags``.
  @usableFromInline
  package enum Flags {
    /// Segments wait behind a hole: acknowledgements alone are shown, too.
    @inlinable package static var isHolding: UInt8 { 1 << 0 }
    /// No dissector wants its payload any more; it is shown for who keeps streams.
    @inlinable package static var settled: UInt8 { 1 << 1 }
  }
}
