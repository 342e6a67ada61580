internal import FlowEngine

/// Protocols that are told and not dissected: by what their first bytes must be.
///
/// Each is read from its front, byte by byte as far as there are bytes: what ends too early may still be
/// it (`maybe`), what has one wrong byte is not. A datagram is whole: what ends too early is not it.
enum Signatures {
  static func probe(_ proto: AppProtocol, _ bytes: Bytes, _ context: ProbeContext) -> Probe {
    if context.isTCP { return stream(proto, bytes, context) }
    return datagram(proto, bytes, context) ? .yes : .no
  }

  private static func stream(
    _ proto: AppProtocol, _ bytes: Bytes, _ context: ProbeContext
  ) -> Probe {
    switch proto {
    case .smb: smb(bytes)
    case .rdp: rdp(bytes, context)
    case .dcerpc: dcerpc(bytes)
    case .kerberos: kerberosStream(bytes)
    case .ldap: ldap(bytes)
    case .nfs: nfsStream(bytes, context)
    case .modbus: modbus(bytes, context)
    case .dnp3: dnp3(bytes)
    case .bittorrent: bittorrent(bytes)
    case .stun: stunStream(bytes)
    case .openvpn: openvpnStream(bytes)
    case .syslog: syslogStream(bytes)
    default: .no
    }
  }

  private static func datagram(
    _ proto: AppProtocol, _ bytes: Bytes, _ context: ProbeContext
  ) -> Bool {
    switch proto {
    case .smb: isSMBDatagram(bytes)
    case .rdp: isRDPDatagram(bytes)
    case .dcerpc: isDCERPCDatagram(bytes)
    case .kerberos: isYes(kerberos(bytes))
    case .ldap: isYes(ldap(bytes))
    case .nfs: isYes(nfs(bytes, context))
    case .dnp3: isYes(dnp3(bytes))
    case .bittorrent: isBitTorrentDatagram(bytes)
    case .stun: isSTUNDatagram(bytes)
    case .wireguard: isWireGuard(bytes)
    case .openvpn: isOpenVPN(bytes)
    case .syslog: isSyslogDatagram(bytes)
    case .rtcp: isRTCP(bytes)
    default: false
    }
  }

  static func isYes(_ probe: Probe) -> Bool {
    if case .yes = probe { return true }
    return false
  }
}
