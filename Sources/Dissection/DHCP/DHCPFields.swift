internal import Records

/// EVE's `dhcp` in its extended form, and DHCPv6 under the same names as far as they mean the same.
enum DHCPFields {
  static let number: UInt8 = 13
  private static func field(_ index: UInt8) -> EventField { EventField(group: 13, index: index) }

  static var type: EventField { field(1) }
  static var id: EventField { field(2) }
  static var clientMAC: EventField { field(3) }
  static var assignedIP: EventField { field(4) }
  static var clientIP: EventField { field(5) }
  static var relayIP: EventField { field(6) }
  static var nextServerIP: EventField { field(7) }
  static var dhcpType: EventField { field(8) }
  static var clientID: EventField { field(9) }
  static var leaseTime: EventField { field(10) }
  static var renewalTime: EventField { field(11) }
  static var rebindingTime: EventField { field(12) }
  static var subnetMask: EventField { field(13) }
  static var hostname: EventField { field(14) }
  static var requestedIP: EventField { field(15) }
  static var params: EventField { field(16) }
  static var dnsServers: EventField { field(17) }
  static var routers: EventField { field(18) }
  static var vendorClass: EventField { field(19) }

  static var version: EventField { field(32) }
  static var hops: EventField { field(33) }
  static var seconds: EventField { field(34) }
  static var broadcast: EventField { field(35) }
  static var serverName: EventField { field(36) }
  static var bootFile: EventField { field(37) }
  static var serverID: EventField { field(38) }
  static var domain: EventField { field(39) }
  static var clientFQDN: EventField { field(40) }
  static var message: EventField { field(41) }
  static var paramCodes: EventField { field(42) }
  static var optionCodes: EventField { field(43) }
  static var ntpServers: EventField { field(44) }
  static var domainSearch: EventField { field(45) }
  static var maximumSize: EventField { field(46) }
  static var mtu: EventField { field(47) }
  static var broadcastIP: EventField { field(48) }
  static var winsServers: EventField { field(49) }
  static var userClass: EventField { field(50) }
  static var tftpServer: EventField { field(51) }
  static var proxyURL: EventField { field(52) }
  static var portalURL: EventField { field(53) }
  static var relayAgent: EventField { field(54) }
  static var circuitID: EventField { field(55) }
  static var remoteID: EventField { field(56) }
  static var staticRoutes: EventField { field(57) }
  static var destination: EventField { field(58) }
  static var router: EventField { field(59) }

  static var serverDUID: EventField { field(64) }
  static var serverMAC: EventField { field(65) }
  static var associations: EventField { field(66) }
  static var associationType: EventField { field(67) }
  static var associationID: EventField { field(68) }
  static var addresses: EventField { field(69) }
  static var address: EventField { field(70) }
  static var prefixes: EventField { field(71) }
  static var prefixLength: EventField { field(72) }
  static var preferredLifetime: EventField { field(73) }
  static var validLifetime: EventField { field(74) }
  static var status: EventField { field(75) }
  static var statusMessage: EventField { field(76) }
  static var elapsed: EventField { field(77) }
  static var rapidCommit: EventField { field(78) }
  static var preference: EventField { field(79) }
  static var enterprise: EventField { field(80) }
  static var relays: EventField { field(81) }
  static var linkIP: EventField { field(82) }
  static var peerIP: EventField { field(83) }
  static var interfaceID: EventField { field(84) }
  static var reconfigure: EventField { field(85) }
  static var refreshTime: EventField { field(86) }

  // Zeek's alone.
  static var zeekClientIDType: EventField { field(128) }

  static let group = EventGroup(
    number: number, type: .dhcp, key: "dhcp", fields: definitions + laterDefinitions)
}
