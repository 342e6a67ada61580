// Other addresses for the same frames, as mix.c and bench/linerate's generator give them to each pass.
//
// A constant is XORed to bits that leave /16, scope, multicast and broadcast as they are, inside tunnels,
// ARP and ICMP errors, too, and the checksums follow by RFC 1624, so that what was right stays right and
// what was wrong stays wrong. Addresses in payloads do not change.
#ifndef MARTLET_COMPARE_READDRESS_H
#define MARTLET_COMPARE_READDRESS_H

#include "frames.h"

// Passes with addresses of their own; from then on they repeat.
#define READDRESS_PASSES (256u * 64u)
// Tunnels within tunnels that are followed.
#define READDRESS_DEPTH 4

// Each function answers by how much the sum of the 16-bit words it was given has changed, in one's
// complement (RFC 1071), so that whoever has a checksum over them can follow.

static uint16_t add(uint16_t a, uint16_t b) {
  const uint32_t sum = (uint32_t)a + b;
  return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

// RFC 1624, eqn. 3: HC' = ~(~HC + ~m + m').
static uint16_t followed(uint16_t checksum, uint16_t change) {
  return (uint16_t)~add((uint16_t)~checksum, change);
}

static uint16_t change_word(uint8_t *p, uint16_t mask) {
  const uint16_t old = load16(p);
  store16(p, old ^ mask);
  return add(old ^ mask, (uint16_t)~old);
}

// IPv4: the third octet, and from pass 256 on the middle of the fourth. Untouched: this network,
// loopback, multicast, broadcast.
static uint16_t change_ipv4(uint8_t *address, uint32_t pass) {
  if (address[0] == 0 || address[0] == 127 || address[0] >= 224) return 0;
  return change_word(address + 2, (uint16_t)((pass & 0xff) << 8 | (pass >> 8 & 0x3f) << 2));
}

// IPv6: the first word of the interface identifier but for its universal and group bits; prefix
// and solicited-node bits stay. Untouched: multicast, and what begins with 80 bits of 0.
static uint16_t change_ipv6(uint8_t *address, uint32_t pass) {
  static const uint8_t zero[10];
  if (address[0] == 0xff || memcmp(address, zero, sizeof zero) == 0) return 0;
  return change_word(address + 8, (uint16_t)((pass >> 8 & 0x3f) << 10 | (pass & 0xff)));
}

static uint16_t change_ip(uint8_t *p, uint32_t length, uint32_t pass, int depth);
static uint16_t change_ethernet(uint8_t *frame, uint32_t length, uint32_t pass, int depth);

static uint16_t change_gre(uint8_t *p, uint32_t length, uint32_t pass, int depth) {
  if (length < 4 || (load16(p) & 0x4007) != 0) return 0; // routing, or PPTP's version
  const uint16_t flags = load16(p);
  const uint32_t header =
      4 + (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0);
  if (length < header) return 0;
  const uint16_t type = load16(p + 2);
  uint16_t change = 0;
  if (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6) {
    change = change_ip(p + header, length - header, pass, depth);
  } else if (type == ETHERTYPE_TEB) {
    change = change_ethernet(p + header, length - header, pass, depth);
  }
  if (!(flags & 0x8000)) return change;
  store16(p + 4, followed(load16(p + 4), change));
  return 0;
}

// VXLAN, Geneve and GTP-U by their ports, as a flow meter would follow them.
static uint16_t change_tunnel(uint16_t port, uint8_t *p, uint32_t length, uint32_t pass,
                              int depth) {
  if (length < 8) return 0;
  if (port == 4789 && p[0] == 0x08) return change_ethernet(p + 8, length - 8, pass, depth);
  if (port == 6081 && p[0] >> 6 == 0) {
    const uint32_t header = 8 + (p[0] & 0x3fu) * 4;
    if (length < header) return 0;
    const uint16_t type = load16(p + 2);
    if (type == ETHERTYPE_TEB) {
      return change_ethernet(p + header, length - header, pass, depth);
    }
    return change_ip(p + header, length - header, pass, depth);
  }
  if (port == 2152 && p[0] >> 5 == 1 && p[1] == 255) {
    uint32_t header = p[0] & 7 ? 12 : 8;
    if (length < header) return 0;
    uint8_t next = p[0] & 4 ? p[11] : 0;
    while (next != 0) {
      if (length - header < 4 || p[header] == 0) return 0;
      const uint32_t bytes = p[header] * 4u;
      if (length - header < bytes) return 0;
      header += bytes;
      next = p[header - 1];
    }
    return change_ip(p + header, length - header, pass, depth);
  }
  return 0;
}

// `pseudo`: the change of the addresses, which checksums with a pseudo-header cover.
static uint16_t change_transport(uint8_t protocol, uint8_t *p, uint32_t length, uint16_t pseudo,
                                 uint32_t pass, int depth) {
  switch (protocol) {
  case PROTOCOL_TCP:
    if (length < 18) return 0;
    store16(p + 16, followed(load16(p + 16), pseudo));
    return (uint16_t)~pseudo;
  case PROTOCOL_UDP: {
    if (length < 8) return 0;
    const uint16_t inner = change_tunnel(load16(p + 2), p + 8, length - 8, pass, depth);
    if (load16(p + 6) == 0) return inner; // none was computed
    const uint16_t checksum = followed(load16(p + 6), add(pseudo, inner));
    store16(p + 6, checksum == 0 ? 0xffff : checksum);
    return (uint16_t)~pseudo;
  }
  case PROTOCOL_DCCP:
  case PROTOCOL_UDPLITE:
    if (length < 8) return 0;
    store16(p + 6, followed(load16(p + 6), pseudo));
    return (uint16_t)~pseudo;
  case PROTOCOL_ICMP:
    if (length < 8 || (p[0] != 3 && p[0] != 4 && p[0] != 5 && p[0] != 11 && p[0] != 12)) return 0;
    store16(p + 2, followed(load16(p + 2), change_ip(p + 8, length - 8, pass, depth)));
    return 0;
  case PROTOCOL_ICMPV6: {
    if (length < 8) return 0;
    uint16_t inner = 0;
    if (p[0] >= 1 && p[0] <= 4) inner = change_ip(p + 8, length - 8, pass, depth);
    if (p[0] >= 135 && p[0] <= 137 && length >= 24) inner = change_ipv6(p + 8, pass);
    if (p[0] == 137 && length >= 40) inner = add(inner, change_ipv6(p + 24, pass));
    store16(p + 2, followed(load16(p + 2), add(pseudo, inner)));
    return (uint16_t)~pseudo;
  }
  case PROTOCOL_IPIP:
  case PROTOCOL_IPV6: return change_ip(p, length, pass, depth);
  case PROTOCOL_GRE: return change_gre(p, length, pass, depth);
  default: return 0;
  }
}

static uint16_t change_ip(uint8_t *p, uint32_t length, uint32_t pass, int depth) {
  const struct ip_packet ip = parse_ip(p, length);
  if (ip.version == 0 || depth == 0) return 0;
  uint16_t pseudo, header;
  if (ip.version == 4) {
    pseudo = add(change_ipv4(p + 12, pass), change_ipv4(p + 16, pass));
    store16(p + 10, followed(load16(p + 10), pseudo));
    header = 0; // its checksum takes back what the addresses changed
  } else {
    pseudo = add(change_ipv6(p + 8, pass), change_ipv6(p + 24, pass));
    header = pseudo;
  }
  if (!ip.first) return header;
  uint32_t end = ip.declared == 0 || ip.declared > length ? length : ip.declared;
  if (end < ip.header) end = ip.header;
  return add(header, change_transport(ip.protocol, p + ip.header, end - ip.header, pseudo, pass,
                                      depth - 1));
}

static uint16_t change_ethernet(uint8_t *frame, uint32_t length, uint32_t pass, int depth) {
  const struct layer3 found = find_layer3(frame, length);
  uint8_t *p = frame + found.offset;
  if (found.ethertype == 0) return 0;
  if (found.ethertype != ETHERTYPE_ARP) return change_ip(p, length - found.offset, pass, depth);
  if (length - found.offset < 28 || load16(p + 2) != ETHERTYPE_IPV4 || p[4] != 6 || p[5] != 4) {
    return 0;
  }
  return add(change_ipv4(p + 14, pass), change_ipv4(p + 24, pass));
}

#endif
