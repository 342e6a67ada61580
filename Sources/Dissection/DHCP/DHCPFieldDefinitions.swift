internal import Records

extension DHCPFields {
  private typealias Field = EventFieldDefinition

  static let definitions: [EventFieldDefinition] = [
    Field(type, "type", .string, "Suricata", "request or reply: from the client or the server"),
    Field(id, "id", .integer, "Suricata", "of the transaction"),
    Field(
      clientMAC, "client_mac", .string, "Suricata",
      "the client's hardware address; version 6: out of its DUID, or from the relay"),
    Field(assignedIP, "assigned_ip", .address, "Suricata", "what the client gets (yiaddr)"),
    Field(clientIP, "client_ip", .address, "Suricata", "what the client has (ciaddr)"),
    Field(relayIP, "relay_ip", .address, "Suricata", "the relay (giaddr); replies only"),
    Field(
      nextServerIP, "next_server_ip", .address, "Suricata",
      "from whom the client boots (siaddr); replies only"),
    Field(dhcpType, "dhcp_type", .string, "Suricata", "discover, offer, request, ack …, solicit …"),
    Field(
      clientID, "client_id", .string, "Suricata",
      "the client's identifier; version 6: its DUID"),
    Field(leaseTime, "lease_time", .integer, "Suricata", "seconds"),
    Field(renewalTime, "renewal_time", .integer, "Suricata", "seconds until the lease is renewed"),
    Field(
      rebindingTime, "rebinding_time", .integer, "Suricata",
      "seconds until another server is asked"),
    Field(subnetMask, "subnet_mask", .address, "Suricata", "of the client's network"),
    Field(hostname, "hostname", .string, "Suricata", "the client's name"),
    Field(requestedIP, "requested_ip", .address, "Suricata", "what the client wants"),
    Field(
      params, "params", .array, "Suricata", "names of what the client asks for, where they have one"
    ),
    Field(dnsServers, "dns_servers", .array, "Suricata", "addresses"),
    Field(routers, "routers", .array, "Suricata", "addresses"),
    Field(
      vendorClass, "vendor_class_identifier", .string, "Suricata", "what kind of client it is"),
    Field(version, "version", .integer, "Martlet", "6: the message is one of DHCPv6"),
    Field(hops, "hops", .integer, "Martlet", "relays on the way, where there are any"),
    Field(seconds, "seconds", .integer, "Martlet", "since the client began, where it says so"),
    Field(broadcast, "broadcast", .boolean, "Martlet", "the client wants the answer broadcast"),
    Field(serverName, "server_name", .string, "Martlet", "of the server to boot from (sname)"),
    Field(bootFile, "boot_file", .string, "Martlet", "what to boot"),
    Field(serverID, "server_id", .address, "Martlet", "the server's identifier (option 54)"),
    Field(domain, "domain", .string, "Martlet", "the client's domain (option 15)"),
    Field(
      clientFQDN, "client_fqdn", .string, "Martlet", "the client's whole name (RFC 4702, 4704)"),
    Field(
      message, "message", .string, "Martlet",
      "what went wrong (option 56); left out where only headers are wanted"),
    Field(paramCodes, "param_codes", .array, "Martlet", "numbers of all that the client asks for"),
    Field(optionCodes, "options", .array, "Martlet", "numbers of all options, in their order"),
    Field(ntpServers, "ntp_servers", .array, "Martlet", "addresses, or names in version 6"),
    Field(domainSearch, "domain_search", .array, "Martlet", "domains (RFC 3397, RFC 3646)"),
    Field(maximumSize, "max_message_size", .integer, "Martlet", "bytes that the sender takes"),
    Field(mtu, "mtu", .integer, "Martlet", "of the client's interface"),
    Field(broadcastIP, "broadcast_ip", .address, "Martlet", "the network's broadcast address"),
    Field(winsServers, "wins_servers", .array, "Martlet", "addresses"),
    Field(userClass, "user_class", .string, "Martlet", "the client's class (RFC 3004, RFC 8415)"),
    Field(tftpServer, "tftp_server", .string, "Martlet", "name or address (options 66 and 150)"),
    Field(proxyURL, "proxy_url", .string, "Martlet", "proxy auto-configuration (option 252)"),
    Field(portalURL, "portal_url", .string, "Martlet", "captive portal (RFC 8910)"),
    Field(relayAgent, "relay_agent", .object, "Martlet", "what the relay added (RFC 3046)"),
    Field(circuitID, "circuit_id", .string, "Martlet", "where the client is, as the relay has it"),
    Field(remoteID, "remote_id", .string, "Martlet", "who the client is, as the relay has it"),
    Field(staticRoutes, "static_routes", .array, "Martlet", "routes without classes (RFC 3442)"),
    Field(destination, "destination", .string, "Martlet", "network and length of its prefix"),
    Field(router, "router", .address, "Martlet", "the way there"),
  ]

  static let laterDefinitions: [EventFieldDefinition] = [
    Field(serverDUID, "server_duid", .string, "Martlet", "version 6: the server's identifier"),
    Field(serverMAC, "server_mac", .string, "Martlet", "version 6: out of the server's DUID"),
    Field(associations, "ia", .array, "Martlet", "version 6: identity associations"),
    Field(
      associationType, "type", .string, "Martlet", "na addresses, ta temporary ones, pd prefixes"),
    Field(associationID, "iaid", .integer, "Martlet", "the association's identifier"),
    Field(addresses, "addresses", .array, "Martlet", "assigned, or asked for"),
    Field(address, "address", .address, "Martlet", "an address, or a prefix"),
    Field(prefixes, "prefixes", .array, "Martlet", "delegated, or asked for"),
    Field(prefixLength, "length", .integer, "Martlet", "the prefix's bits"),
    Field(preferredLifetime, "preferred_lifetime", .integer, "Martlet", "seconds"),
    Field(validLifetime, "valid_lifetime", .integer, "Martlet", "seconds"),
    Field(status, "status", .string, "Martlet", "how it went (RFC 8415, 21.13)"),
    Field(
      statusMessage, "status_message", .string, "Martlet",
      "its text; left out where only headers are wanted"),
    Field(elapsed, "elapsed", .integer, "Martlet", "milliseconds since the client began"),
    Field(rapidCommit, "rapid_commit", .boolean, "Martlet", "two messages are to be enough"),
    Field(preference, "preference", .integer, "Martlet", "of the server among others"),
    Field(enterprise, "enterprise", .integer, "Martlet", "the vendor's number (IANA's registry)"),
    Field(
      relays, "relays", .array, "Martlet", "relays that the message went through, the last first"),
    Field(linkIP, "link_ip", .address, "Martlet", "the link that the client is on"),
    Field(peerIP, "peer_ip", .address, "Martlet", "from whom the relay had the message"),
    Field(interfaceID, "interface_id", .string, "Martlet", "where the relay had it from"),
    Field(reconfigure, "reconfigure", .string, "Martlet", "what the client shall send now"),
    Field(refreshTime, "refresh_time", .integer, "Martlet", "seconds until the client asks again"),
    Field(
      zeekClientIDType, "client_id_type", .integer, "Zeek",
      "first byte of the client's identifier: a hardware type, or 0", isHidden: true),
  ]
}
