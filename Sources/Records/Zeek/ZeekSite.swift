import FlowEngine

/// Which addresses are local by Zeek's own definition, while nobody has named other networks.
///
/// Since Zeek 6.1 those are what IANA's special-purpose registries keep off the Internet
/// (`Site::private_address_space`), and of 6to4 addresses (RFC 3056) those of such an IPv4 address.
enum ZeekSite {
  static func isLocal(_ address: IPAddress) -> Bool {
    if address.isMappedV4 { return isLocal(address.v4) }
    if address.high >> 48 == 0x2002 {
      return isLocal(UInt32(truncatingIfNeeded: address.high >> 16))
    }
    return isLocal(high: address.high, low: address.low)
  }

  private static func isLocal(_ address: UInt32) -> Bool {
    switch address >> 24 {
    case 0, 10, 127, 240...255: return true  // RFC 791, 1918, 1122, 1112
    default: break
    }
    return address >> 22 == 0x6440_0000 >> 22  // 100.64.0.0/10, RFC 6598
      || address >> 16 == 0xa9fe  // 169.254.0.0/16, RFC 3927
      || address >> 20 == 0xac1  // 172.16.0.0/12, RFC 1918
      || address >> 16 == 0xc0a8  // 192.168.0.0/16, RFC 1918
      || address >> 17 == 0xc612_0000 >> 17  // 198.18.0.0/15, RFC 2544
      || address >> 8 == 0xc0_0000  // 192.0.0.0/24, RFC 6890
      || address >> 8 == 0xc0_0002  // 192.0.2.0/24, RFC 5737, and the next two
      || address >> 8 == 0xc6_3364  // 198.51.100.0/24
      || address >> 8 == 0xcb_0071  // 203.0.113.0/24
  }

  private static func isLocal(high: UInt64, low: UInt64) -> Bool {
    high == 0 && low <= 1  // :: and ::1, RFC 4291
      || high >> 16 == 0x0064_ff9b_0001  // 64:ff9b:1::/48, RFC 8215
      || high == 0x0100_0000_0000_0000  // 100::/64, RFC 6666
      || high >> 41 == 0x2001_0000_0000_0000 >> 41  // 2001::/23, RFC 2928
      || high >> 32 == 0x2001_0db8  // 2001:db8::/32, RFC 3849
      || high >> 57 == 0xfc00_0000_0000_0000 >> 57  // fc00::/7, RFC 4193
      || high >> 54 == 0xfe80_0000_0000_0000 >> 54  // fe80::/10, RFC 4291
  }
}

extension IPAddress {
  /// An IPv4 address, or an IPv6 one that stands for it (`::ffff:0:0/96`): Zeek writes both alike.
  var isMappedV4: Bool { high == 0 && low >> 32 == 0xffff }
}
