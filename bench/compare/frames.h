// What mix.c and describe.c both know of frames: where the network and transport layers begin.
#ifndef MARTLET_COMPARE_FRAMES_H
#define MARTLET_COMPARE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
  ETHERTYPE_IPV4 = 0x0800,
  ETHERTYPE_ARP = 0x0806,
  ETHERTYPE_TEB = 0x6558,
  ETHERTYPE_VLAN = 0x8100,
  ETHERTYPE_IPV6 = 0x86dd,
  ETHERTYPE_MPLS = 0x8847,
  ETHERTYPE_PPPOE = 0x8864,
  ETHERTYPE_QINQ = 0x88a8,
  ETHERTYPE_QINQ_OLD = 0x9100,
};

enum {
  PROTOCOL_ICMP = 1,
  PROTOCOL_IPIP = 4,
  PROTOCOL_TCP = 6,
  PROTOCOL_UDP = 17,
  PROTOCOL_DCCP = 33,
  PROTOCOL_IPV6 = 41,
  PROTOCOL_GRE = 47,
  PROTOCOL_AH = 51,
  PROTOCOL_ICMPV6 = 58,
  PROTOCOL_SCTP = 132,
  PROTOCOL_UDPLITE = 136,
};

// The header of a classic pcap record, and of the file: host order, microseconds.
struct pcap_record {
  uint32_t seconds, microseconds, captured, wire;
};
struct pcap_file {
  uint32_t magic;
  uint16_t major, minor;
  uint32_t zone, sigfigs, snaplen, linktype;
};
#define PCAP_MAGIC 0xa1b2c3d4u
#define PCAP_MAGIC_NANOSECONDS 0xa1b23c4du
#define LINKTYPE_ETHERNET 1u

static inline uint16_t load16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t load32(const uint8_t *p) {
  return (uint32_t)load16(p) << 16 | load16(p + 2);
}
static inline void store16(uint8_t *p, uint16_t value) {
  p[0] = (uint8_t)(value >> 8);
  p[1] = (uint8_t)value;
}

// A network layer that was found: its EtherType, 0 where there is none that we follow.
struct layer3 {
  uint16_t ethertype;
  uint32_t offset;
};

// Follows VLAN tags, MPLS labels, PPPoE and SNAP of the Ethernet frame to IPv4, IPv6 or ARP.
static inline struct layer3 find_layer3(const uint8_t *frame, uint32_t length) {
  const struct layer3 none = {0, 0};
  if (length < 14) return none;
  uint16_t type = load16(frame + 12);
  uint32_t at = 14;
  if (type <= 1500) {
    if (length < 22 || load16(frame + 14) != 0xaaaa || frame[16] != 3) return none;
    type = load16(frame + 20);
    at = 22;
  }
  while (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ_OLD) {
    if (length - at < 4) return none;
    type = load16(frame + at + 2);
    at += 4;
  }
  if (type == ETHERTYPE_PPPOE) {
    if (length - at < 8) return none;
    const uint16_t ppp = load16(frame + at + 6);
    type = ppp == 0x0021 ? ETHERTYPE_IPV4 : ppp == 0x0057 ? ETHERTYPE_IPV6 : 0;
    at += 8;
  } else if (type == ETHERTYPE_MPLS) {
    bool last = false;
    while (!last) {
      if (length - at < 5) return none;
      last = frame[at + 2] & 1;
      at += 4;
    }
    type = frame[at] >> 4 == 4 ? ETHERTYPE_IPV4 : frame[at] >> 4 == 6 ? ETHERTYPE_IPV6 : 0;
  }
  if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6 && type != ETHERTYPE_ARP) return none;
  return (struct layer3){type, at};
}

// The IP packet at `p`, of which `length` bytes are there.
struct ip_packet {
  uint8_t version;          // 4 or 6; 0: no sound header
  uint8_t protocol;         // behind IPv6's extension headers
  bool fragment;            // one of several
  bool first;               // holds the transport's header
  uint32_t header;          // bytes before the transport
  uint32_t declared;        // bytes of the whole packet by its own header; 0: it does not say
  uint32_t address_bytes;   // 4 or 16
  const uint8_t *addresses; // source, then destination
};

static inline struct ip_packet parse_ip(const uint8_t *p, uint32_t length) {
  struct ip_packet ip = {0};
  if (length >= 20 && p[0] >> 4 == 4) {
    const uint32_t header = (p[0] & 15u) * 4u;
    if (header < 20 || header > length) return ip;
    const uint16_t fragment = load16(p + 6);
    ip = (struct ip_packet){4,
                            p[9],
                            (fragment & 0x3fff) != 0,
                            (fragment & 0x1fff) == 0,
                            header,
                            load16(p + 2),
                            4,
                            p + 12};
  } else if (length >= 40 && p[0] >> 4 == 6) {
    const uint32_t payload = load16(p + 4);
    ip = (struct ip_packet){6, p[6], false, true, 40, payload ? 40 + payload : 0, 16, p + 8};
    while (ip.first && length - ip.header >= 8) {
      const uint8_t *next = p + ip.header;
      uint32_t bytes;
      if (ip.protocol == 0 || ip.protocol == 43 || ip.protocol == 60) {
        bytes = (next[1] + 1u) * 8u;
      } else if (ip.protocol == PROTOCOL_AH) {
        bytes = (next[1] + 2u) * 4u;
      } else if (ip.protocol == 44) {
        bytes = 8;
        ip.fragment = (load16(next + 2) & 0xfff9) != 0;
        ip.first = (load16(next + 2) & 0xfff8) == 0;
      } else {
        break;
      }
      if (bytes > length - ip.header) break;
      ip.protocol = next[0];
      ip.header += bytes;
    }
  }
  return ip;
}

#endif
