// The reference: FlowWorker's work in plain C, as good as C gets, for the ratio of Swift to C.
//
// Same layouts (bucket of 64 bytes, 128 hot and 128 cold bytes a flow, record of 408), same hash, same stages
// with the same prefetches, same checks of every header, same states of TCP, same letters of history,
// same wheel, same records: a comparison ends with the same bytes from both. What only broken, lossy
// or fragmented traffic needs is recognised by the same tests and then counted as unusual and left; a
// comparison has no such packets, and holds that count at 0.
//
// Where C has means that cost nothing to write, it uses them: end points put in order without a branch,
// counters of a burst in registers.
#include "reference.h"

#include <string.h>

#define HOT __attribute__((always_inline)) static inline
#define COLD __attribute__((noinline, cold)) static
#define OUT_OF_LINE __attribute__((noinline)) static
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

enum { BURST = MARTLET_BURST_CAPACITY };
static const uint32_t NONE = UINT32_MAX;

// --- Layouts: FlowEntry.swift, FlowRecord.swift ------------------------------------------------

struct __attribute__((packed, aligned(4))) key {
  uint64_t a_high, a_low, b_high, b_low;
  uint16_t port_a, port_b;
  uint8_t proto, flags;
  uint16_t vlan_outer, vlan_inner, domain;
};

struct side {
  uint64_t packets, bytes, ip_bytes;
  uint32_t next_sequence;
  uint16_t window, history;
};

struct hot {
  struct key key;
  uint32_t timer_next, timer_previous;
  uint8_t tcp_flags[2], state, flags;
  int64_t last_seen;
  struct side sides[2];
};

struct cold {
  int64_t first_seen, first_reply, active_deadline;
  uint64_t ordinal;
  uint8_t history[16];
  uint8_t history_length, ttl[2], traffic_class[2];
  uint8_t kind[3];
  uint16_t updates, marks;
  uint16_t port_index, tunnel;
  uint16_t reported[6][3];
  uint8_t mac[2][6];
  uint16_t vlan_outer, vlan_inner;
  uint32_t start[2];
  uint32_t detail;
};

struct record {
  struct hot hot;
  struct cold cold;
  int64_t export_time;
  uint64_t sequence, packet_ordinal;
  uint8_t kind, end_reason;
  uint16_t worker, event;
  uint8_t event_side, parts;
  uint8_t tunnel[40], trouble[2][40];
};

_Static_assert(sizeof(struct key) == 44, "key");
_Static_assert(sizeof(struct side) == 32, "side");
_Static_assert(sizeof(struct hot) == 128 && offsetof(struct hot, last_seen) == 56, "hot");
_Static_assert(sizeof(struct cold) == 128 && offsetof(struct cold, kind) == 53, "cold");
_Static_assert(offsetof(struct cold, mac) == 100 && offsetof(struct cold, start) == 116, "cold");
_Static_assert(sizeof(struct record) == 408 && offsetof(struct record, parts) == 287, "record");

struct bucket {
  uint16_t tags[8];
  uint32_t numbers[8];
  uint32_t strays, reach, unused[2];
};
_Static_assert(sizeof(struct bucket) == 64, "bucket");

enum { IPV6 = 1 << 0, ONE_WAY = 1 << 1, ONE_WAY_FROM_B = 1 << 2 };
enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58, SCTP = 132 };
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16, CONTROL = SYN | FIN | RST | ACK };
enum { NEW, ESTABLISHED, CLOSED };
enum { INACTIVE, SYN_SENT, SYN_ACK_SENT, PARTIAL, TCP_ESTABLISHED, TCP_CLOSED, TCP_RESET };
enum {
  ORIGINATOR_IS_B = 1 << 0,
  DIRECTION_BY_SYN = 1 << 1,
  MIDSTREAM = 1 << 2,
  FIRST_SIDE_IS_B = 1 << 4,
  LIVE = 1 << 7,
};
enum {
  LETTER_SYN = 1 << 0,
  LETTER_SYN_ACK = 1 << 1,
  LETTER_ACK = 1 << 2,
  LETTER_DATA = 1 << 3,
  LETTER_FIN = 1 << 4,
  LETTER_RST = 1 << 5,
  LETTER_INCONSISTENT = 1 << 7,
  LETTER_MULTIPLE = 1 << 11,
  AHEAD = 1 << 14,
  HOLES = 1 << 15,
};
enum { END_IDLE = 1, END_ACTIVE, END_OF_FLOW, END_FORCED, END_RESOURCES };
enum { RECORD_FLOW = 1, RECORD_UPDATE = 2 };

// --- A packet as parsed: what the table, the fragments and the dissectors want of it, in two lines ----

struct parsed {
  struct key key;
  uint32_t wire_length;
  int64_t time;
  const uint8_t *data;
  void *handle;
  uint64_t ordinal;
  uint32_t ip_length, payload_length, sequence, acknowledgement, captured;
  // By how much a packet with a `control` moves its side on: the payload of TCP; 0.
  uint32_t advance;
  uint16_t window, vlan_outer, vlan_inner, payload_offset, transport_offset, flags, port;
  uint8_t tcp_flags, ttl, traffic_class, side, icmp_type, icmp_code;
  // What of a segment's flags begins and ends a connection, or must be there in between; where it is not
  // 0, the letter written in the history. A UDP datagram behind the usual headers looks like a segment that
  // acknowledges: numbers 0 and 0, window 1, nothing to move on by. All else has 0.
  uint8_t control, letter;
};
_Static_assert(sizeof(struct parsed) <= 128, "two lines");

// A wire length beyond this is taken for a lie.
enum { LONGEST = 262144 };

enum { PLAIN = 1 << 0, ETHERNET = 1 << 3, BAD_TRANSPORT = 1 << 4, BEYOND_FRAME = 1 << 5 };
enum verdict { FLOW, DONE, UNUSUAL, DISCARDED, CLOCK };

struct reference_worker {
  struct bucket *buckets;
  uint64_t bucket_count;
  struct hot *hot;
  struct cold *cold;
  uint32_t *free;
  uint32_t free_count, capacity;

  uint32_t *heads;
  uint64_t *occupied;
  int64_t tick;

  struct record *records;
  uint64_t record_mask, tail, head_seen;
  uint64_t sequence;

  struct reference_settings settings;
  int64_t shortest;

  // What a worker asks of each burst and is not so here: a filter, packets' own time, other workers,
  // fragments that wait, a scan of the flows.
  int (*filter)(const struct martlet_packet *);
  uint64_t scan_bell, *scan_page, fragments_oldest, fragments_newest;
  uint32_t workers;
  int on_packet_time, verifies;

  martlet_release_fn release;
  void *release_context;
  uint64_t ordinal;
  uint64_t counters[REFERENCE_COUNTERS];

  uint32_t count;
  struct martlet_packet *packets;
  struct parsed *parsed;
  uint64_t hashes[BURST];
  uint32_t candidates[BURST];
  uint8_t verdicts[BURST];
  void *handles[BURST];

  __attribute__((aligned(64))) uint64_t head;
  uint64_t tail_seen;
};

COLD void unusual(struct reference_worker *w) { w->counters[REFERENCE_UNUSUAL]++; }

// --- Loads -----------------------------------------------------------------------------------

HOT uint16_t be16(const uint8_t *p) {
  uint16_t v;
  memcpy(&v, p, 2);
  return __builtin_bswap16(v);
}
HOT uint32_t be32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}
HOT uint64_t be64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return __builtin_bswap64(v);
}

// --- Hash: FlowHash.swift ----------------------------------------------------------------------

HOT uint64_t fold(uint64_t a, uint64_t b) {
  unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

HOT uint64_t hash_of(const struct reference_worker *w, uint64_t a_high, uint64_t a_low, uint64_t b_high,
                     uint64_t b_low, uint64_t ports, uint64_t kind, uint64_t vlans) {
  const uint64_t *seed = w->settings.seed;
  uint64_t a = fold(a_high ^ seed[0], a_low ^ seed[1]);
  uint64_t b = fold(b_high ^ seed[2], b_low ^ seed[3]);
  uint64_t c = fold(ports ^ kind ^ seed[4], vlans ^ seed[5]);
  return fold(a ^ c ^ seed[2], b ^ seed[4]);
}

static uint64_t hash_key(const struct reference_worker *w, const struct key *k) {
  return hash_of(w, k->a_high, k->a_low, k->b_high, k->b_low,
                 (uint64_t)k->port_a << 48 | (uint64_t)k->port_b << 32,
                 (uint64_t)k->proto << 8 | k->flags,
                 (uint64_t)k->vlan_outer << 32 | (uint64_t)k->vlan_inner << 16 | k->domain);
}

// --- Parser: PacketParser*.swift -----------------------------------------------------------------

HOT void set_order(struct parsed *out, uint8_t control, uint8_t letter, uint32_t advance) {
  out->control = control;
  out->letter = letter;
  out->advance = advance;
}

HOT uint64_t choose(uint64_t mask, uint64_t yes, uint64_t no) { return no ^ ((yes ^ no) & mask); }

// End points in order, the hash while all is in registers.
HOT void set_key(const struct reference_worker *w, struct parsed *out, uint64_t *hash,
                 uint64_t source_high, uint64_t source_low, uint64_t destination_high,
                 uint64_t destination_low, uint16_t source_port, uint16_t destination_port,
                 uint8_t proto, uint8_t flags) {
  uint16_t outer = out->vlan_outer == 0xffff ? 0 : out->vlan_outer;
  uint16_t inner = out->vlan_inner == 0xffff ? 0 : out->vlan_inner;
  unsigned __int128 from = (unsigned __int128)source_high << 64 | source_low;
  unsigned __int128 to = (unsigned __int128)destination_high << 64 | destination_low;
  unsigned source_is_a = (from < to) | ((from == to) & (source_port <= destination_port));
  uint64_t mask = -(uint64_t)source_is_a;
  uint64_t a_high = choose(mask, source_high, destination_high);
  uint64_t b_high = source_high ^ destination_high ^ a_high;
  uint64_t a_low = choose(mask, source_low, destination_low);
  uint64_t b_low = source_low ^ destination_low ^ a_low;
  uint16_t port_a = (uint16_t)choose(mask, source_port, destination_port);
  uint16_t port_b = source_port ^ destination_port ^ port_a;
  if (UNLIKELY(flags & ONE_WAY) && !source_is_a) flags |= ONE_WAY_FROM_B;
  out->key = (struct key){a_high, a_low, b_high, b_low, port_a, port_b, proto, flags, outer, inner, 0};
  *hash = hash_of(w, a_high, a_low, b_high, b_low, (uint64_t)port_a << 48 | (uint64_t)port_b << 32,
                  (uint64_t)proto << 8 | flags, (uint64_t)outer << 32 | (uint64_t)inner << 16);
  out->side = source_is_a ^ 1;
}

// From the lowest to the highest tunnel's port: servers' ports below, clients' above.
HOT int may_be_tunnel(uint16_t port) { return (uint16_t)(port - 1701) <= 8472 - 1701; }

HOT int is_tunnel_port(uint16_t port) {
  if (LIKELY(!may_be_tunnel(port))) return 0;
  switch (port) {
    case 4789: case 8472: case 4790: case 6081: case 2152: case 3544: case 1701: case 4754: case 6635:
      return 1;
    default: return 0;
  }
}

static uint16_t icmp_counterpart(uint8_t type) {
  switch (type) {
    case 8: return 0;
    case 0: return 8;
    case 13: return 14;
    case 14: return 13;
    case 15: return 16;
    case 16: return 15;
    case 10: return 9;
    case 9: return 10;
    case 17: return 18;
    case 18: return 17;
    default: return 0xffff;
  }
}

static uint16_t icmpv6_counterpart(uint8_t type) {
  switch (type) {
    case 128: return 129;
    case 129: return 128;
    case 133: return 134;
    case 134: return 133;
    case 135: return 136;
    case 136: return 135;
    case 130: return 131;
    case 131: return 130;
    case 139: return 140;
    case 140: return 139;
    case 144: return 145;
    case 145: return 144;
    default: return 0xffff;
  }
}

OUT_OF_LINE enum verdict parse_other(const struct reference_worker *w, const uint8_t *header, size_t at,
                                     size_t end, struct parsed *out, uint64_t *hash, const uint64_t *ip,
                                     uint8_t proto, size_t length, uint8_t version) {
  out->payload_offset = (uint16_t)at;
  out->payload_length = (uint32_t)length;
  out->icmp_type = out->icmp_code = 0;
  uint16_t source = 0, destination = 0;
  if ((proto == ICMP && version == 0) || (proto == ICMPV6 && version != 0)) {
    if (at + 2 > end || length < 2) return DISCARDED;
    out->icmp_type = header[0];
    out->icmp_code = header[1];
    out->payload_length = length > 8 ? (uint32_t)length - 8 : 0;
    uint16_t counterpart = version ? icmpv6_counterpart(header[0]) : icmp_counterpart(header[0]);
    source = header[0];
    destination = counterpart != 0xffff ? counterpart : header[1];
    if (counterpart == 0xffff) version |= ONE_WAY;
  } else if (proto == SCTP) {
    if (at + 4 > end || length < 4) return DISCARDED;
    out->flags &= ~PLAIN;
    out->payload_length = length > 12 ? (uint32_t)length - 12 : 0;
    source = be16(header);
    destination = be16(header + 2);
  } else if (proto == 51 || proto == 4 || proto == 41 || proto == 47 || proto == 97 || proto == 137) {
    return UNUSUAL;
  }
  set_key(w, out, hash, ip[0], ip[1], ip[2], ip[3], source, destination, proto, version);
  return FLOW;
}

static enum verdict parse_transport(const struct reference_worker *w, const uint8_t *data, size_t at,
                                 size_t end, struct parsed *out, uint64_t *hash, uint64_t source_high,
                                 uint64_t source_low, uint64_t destination_high,
                                 uint64_t destination_low, uint8_t proto, size_t length,
                                 uint8_t version) {
  const uint8_t *header = data + at;
  out->transport_offset = (uint16_t)at;
  if (LIKELY(proto == TCP)) {
    if (UNLIKELY(at + 20 > end || length < 20)) return UNUSUAL;
    size_t header_length = (size_t)(header[12] >> 4) * 4;
    out->sequence = be32(header + 4);
    out->acknowledgement = be32(header + 8);
    out->tcp_flags = header[13];
    out->window = be16(header + 14);
    if (UNLIKELY(header_length < 20 || header_length > length)) {
      out->flags |= BAD_TRANSPORT;
      out->payload_length = 0;
    } else {
      out->payload_length = (uint32_t)(length - header_length);
    }
    out->payload_offset = (uint16_t)(at + header_length);
    set_order(out, header[13] & CONTROL, out->payload_length > 0 ? LETTER_DATA : LETTER_ACK,
              out->payload_length);
    set_key(w, out, hash, source_high, source_low, destination_high, destination_low, be16(header),
            be16(header + 2), proto, version);
    return FLOW;
  }
  if (LIKELY(proto == UDP)) {
    if (UNLIKELY(at + 8 > end || length < 8)) return UNUSUAL;
    uint16_t declared = be16(header + 4), source = be16(header), destination = be16(header + 2);
    if (UNLIKELY((declared < 8 && declared != 0) || declared > length)) out->flags |= BAD_TRANSPORT;
    // Behind the datagram's own end there is none of its data (RFC 9868, section 5).
    out->payload_length =
        (declared >= 8 && declared < length ? declared : (uint32_t)length) - 8;
    out->payload_offset = (uint16_t)(at + 8);
    out->sequence = out->acknowledgement = 0;
    out->window = 1;
    out->tcp_flags = 0;
    uint32_t usual = version == 0 ? 28 : 48;
    set_order(out, out->ip_length - out->payload_length == usual ? ACK : 0, LETTER_DATA, 0);
    set_key(w, out, hash, source_high, source_low, destination_high, destination_low, source,
            destination, proto, version);
    return UNLIKELY(is_tunnel_port(destination) || is_tunnel_port(source)) ? UNUSUAL : FLOW;
  }
  const uint64_t ip[4] = {source_high, source_low, destination_high, destination_low};
  return parse_other(w, header, at, end, out, hash, ip, proto, length, version);
}

static enum verdict parse_ipv4_body(const struct reference_worker *w, const uint8_t *data, size_t at,
                                 size_t end, size_t wire, struct parsed *out, uint64_t *hash,
                                 size_t header_length) {
  const uint8_t *ip = data + at;
  size_t room = wire - at;
  size_t total = be16(ip + 2);
  if (UNLIKELY(total == 0)) total = room;
  if (UNLIKELY(total < header_length)) return DISCARDED;
  if (UNLIKELY(total > room)) {
    out->flags |= BEYOND_FRAME;
    total = room;
    if (total < header_length) return DISCARDED;
  }
  out->ip_length = (uint32_t)total;
  out->traffic_class = ip[1];
  out->ttl = ip[8];
  // Options that may be wrong, and fragments.
  if (UNLIKELY(header_length > 20 || (be16(ip + 6) & 0x3fff) != 0)) return UNUSUAL;
  return parse_transport(w, data, at + header_length, end, out, hash, 0,
                         0x0000ffff00000000 | be32(ip + 12), 0, 0x0000ffff00000000 | be32(ip + 16),
                         ip[9], total - header_length, 0);
}

OUT_OF_LINE enum verdict parse_long_ipv4(const struct reference_worker *w, const uint8_t *data,
                                         size_t at, size_t end, size_t wire, struct parsed *out,
                                         uint64_t *hash) {
  if (data[at] >> 4 != 4) return DISCARDED;
  size_t header_length = (size_t)(data[at] & 0x0f) * 4;
  if (header_length < 20 || at + header_length > end) return DISCARDED;
  return parse_ipv4_body(w, data, at, end, wire, out, hash, header_length);
}

static enum verdict parse_ipv4(const struct reference_worker *w, const uint8_t *data, size_t at, size_t end,
                            size_t wire, struct parsed *out, uint64_t *hash) {
  if (UNLIKELY(at + 20 > end)) return DISCARDED;
  // Version 4, five words: nearly all there is, and every offset behind it known.
  if (UNLIKELY(data[at] != 0x45)) return parse_long_ipv4(w, data, at, end, wire, out, hash);
  return parse_ipv4_body(w, data, at, end, wire, out, hash, 20);
}

HOT int is_extension(uint8_t next) {
  const uint64_t low = UINT64_C(1) | UINT64_C(1) << 43 | UINT64_C(1) << 44 | UINT64_C(1) << 51 |
                       UINT64_C(1) << 60;
  if (next < 64) return (low >> next) & 1;
  return next == 135 || next == 139 || next == 140;
}

static enum verdict parse_ipv6(const struct reference_worker *w, const uint8_t *data, size_t at, size_t end,
                            size_t wire, struct parsed *out, uint64_t *hash) {
  if (UNLIKELY(at + 40 > end)) return DISCARDED;
  const uint8_t *ip = data + at;
  uint32_t word = be32(ip);
  if (UNLIKELY(word >> 28 != 6)) return DISCARDED;
  size_t room = wire - at;
  size_t declared = be16(ip + 4);
  if (UNLIKELY(declared == 0)) return UNUSUAL;
  size_t total = declared + 40;
  if (UNLIKELY(total > room)) {
    out->flags |= BEYOND_FRAME;
    total = room;
  }
  out->ip_length = (uint32_t)total;
  out->traffic_class = (uint8_t)(word >> 20);
  out->ttl = ip[7];
  if (UNLIKELY(is_extension(ip[6]))) return UNUSUAL;
  return parse_transport(w, data, at + 40, end, out, hash, be64(ip + 8), be64(ip + 16), be64(ip + 24),
                         be64(ip + 32), ip[6], total - 40, IPV6);
}

// Tags until IP; everything else is not IP, or a label.
OUT_OF_LINE enum verdict parse_tags(const struct reference_worker *w, const uint8_t *data, size_t end,
                                    size_t wire, struct parsed *out, uint64_t *hash) {
  size_t at = 14;
  uint16_t type = be16(data + 12);
  for (int tags = 0;; tags++) {
    switch (type) {
      case 0x0800: return parse_ipv4(w, data, at, end, wire, out, hash);
      case 0x86dd: return parse_ipv6(w, data, at, end, wire, out, hash);
      case 0x8100: case 0x88a8: case 0x9100: case 0x9200: case 0x9300:
        if (at + 4 > end || tags == 4) return DISCARDED;
        if (out->vlan_outer == 0xffff) {
          out->vlan_outer = be16(data + at) & 0x0fff;
        } else {
          out->flags &= ~PLAIN;
          if (out->vlan_inner == 0xffff) out->vlan_inner = be16(data + at) & 0x0fff;
        }
        type = be16(data + at + 2);
        at += 4;
        break;
      case 0x8847: case 0x8848: case 0x894f: case 0x8903: case 0x893f: case 0x8926: case 0x8864:
        return UNUSUAL;
      default: return DISCARDED;
    }
  }
}

// Bytes on the wire, as far as they can be believed.
HOT uint32_t wire_length(const struct martlet_packet *packet) {
  uint32_t wire = packet->wire_length < LONGEST ? packet->wire_length : LONGEST;
  return wire < packet->captured_length ? packet->captured_length : wire;
}

OUT_OF_LINE enum verdict parse_unusual(const struct reference_worker *w, const struct martlet_packet *packet,
                       struct parsed *out, uint64_t *hash, int64_t now) {
  uint32_t captured = packet->captured_length, wire = wire_length(packet);
  out->wire_length = wire;
  out->time = packet->timestamp_ns == 0 ? now : (int64_t)packet->timestamp_ns;
  out->data = packet->data;
  out->handle = packet->handle;
  out->port = packet->port;
  out->vlan_outer = 0xffff;
  out->vlan_inner = 0xffff;
  out->tcp_flags = 0;
  set_order(out, 0, 0, 0);
  out->captured = captured;
  if (UNLIKELY(packet->link_type != 1)) return UNUSUAL;
  const uint8_t *data = packet->data;
  if (UNLIKELY(!data || captured < 14)) return DISCARDED;
  out->flags = PLAIN | ETHERNET;
  const uint16_t told = MARTLET_PACKET_VLAN_STRIPPED | MARTLET_PACKET_QINQ_STRIPPED |
                        MARTLET_PACKET_IP_CHECKSUM_BAD | MARTLET_PACKET_L4_CHECKSUM_BAD;
  if (UNLIKELY(packet->flags & told)) return UNUSUAL;
  uint16_t type = be16(data + 12);
  if (type == 0x0800) return parse_ipv4(w, data, 14, captured, wire, out, hash);
  if (type == 0x86dd) return parse_ipv6(w, data, 14, captured, wire, out, hash);
  return parse_tags(w, data, captured, wire, out, hash);
}

// The usual frame in one go: Ethernet with one 802.1Q tag or none, no options or extensions, TCP or UDP,
// everything there. Offsets are constants. 0 where it is any other; PacketParser+Usual.swift.

// What is the same for all of them; `network` and an absent tag are constants where it is inlined.
struct frame {
  const struct martlet_packet *packet;
  const uint8_t *data;
  uint32_t captured, wire, network;
  uint16_t vlan;
};

// Which of the two protocols comes next nobody can guess, so a UDP header is read as though it were one
// of TCP, and what it does not have is masked out. `length` may be negative.
HOT int parse_usual_transport(const struct frame *frame, struct parsed *out, uint8_t proto, uint32_t at,
                              int32_t length) {
  const uint8_t *header = frame->data + at;
  // A set of two: compared with one after the other, there would be a branch on which it is.
  const uint32_t either = UINT32_C(1) << TCP | UINT32_C(1) << UDP;
  if (UNLIKELY(proto > UDP) || UNLIKELY(!(either >> (proto & 31) & 1)) ||
      UNLIKELY(frame->captured < at + 20))
    return 0;
  const uint32_t tcp = -(uint32_t)(proto == TCP), udp = ~tcp;
  uint32_t tcp_size = (uint32_t)(header[12] >> 4) * 4, declared = be16(header + 4);
  // TCP's header within what IP leaves for it; of UDP the whole datagram, which is all of that.
  uint32_t told = (tcp_size & tcp) | (declared & udp), least = 8 + (12 & tcp);
  uint32_t size = (tcp_size & tcp) | (8 & udp), behind = (uint32_t)length - told;
  if (UNLIKELY(told < least) || UNLIKELY(behind & udp) || UNLIKELY((int32_t)told > length)) return 0;
  uint16_t source = be16(header), destination = be16(header + 2);
  if (UNLIKELY(may_be_tunnel(source) | may_be_tunnel(destination)) && proto != TCP &&
      (is_tunnel_port(source) || is_tunnel_port(destination)))
    return 0;
  uint8_t flags = header[13] & (uint8_t)tcp;
  uint32_t payload = (uint32_t)length - size, advance = payload & tcp;
  out->sequence = be32(header + 4) & tcp;
  out->acknowledgement = be32(header + 8) & tcp;
  out->window = (uint16_t)((be16(header + 14) & tcp) | (udp & 1));
  out->tcp_flags = flags;
  out->payload_length = payload;
  // A datagram counts as data also where it has none; data's letter is the one behind an acknowledgement's.
  set_order(out, (flags & CONTROL) | (ACK & (uint8_t)udp),
            (uint8_t)(LETTER_ACK << ((advance != 0) | (udp & 1))), advance);
  out->flags = PLAIN | ETHERNET;
  out->transport_offset = (uint16_t)at;
  out->payload_offset = (uint16_t)(at + size);
  return 1;
}

HOT void finish_usual(const struct frame *frame, struct parsed *out, int64_t now) {
  const struct martlet_packet *packet = frame->packet;
  out->wire_length = frame->wire;
  out->time = packet->timestamp_ns == 0 ? now : (int64_t)packet->timestamp_ns;
  out->data = frame->data;
  out->handle = packet->handle;
  out->port = packet->port;
  out->captured = frame->captured;
  out->vlan_outer = frame->vlan;
  out->vlan_inner = 0xffff;
}

HOT int parse_usual_ipv4(const struct reference_worker *w, const struct frame *frame, struct parsed *out,
                         uint64_t *hash, int64_t now) {
  const uint8_t *ip = frame->data + frame->network;
  if (UNLIKELY(frame->captured < frame->network + 28 || ip[0] != 0x45 || (be16(ip + 6) & 0x3fff) != 0))
    return 0;
  uint32_t total = be16(ip + 2);
  if (UNLIKELY(total > frame->wire - frame->network ||
               !parse_usual_transport(frame, out, ip[9], frame->network + 20, (int32_t)total - 20)))
    return 0;
  out->ip_length = total;
  out->traffic_class = ip[1];
  out->ttl = ip[8];
  // Address and port in one word are ordered as the two are.
  uint64_t source = (uint64_t)be32(ip + 12) << 16 | be16(ip + 20);
  uint64_t destination = (uint64_t)be32(ip + 16) << 16 | be16(ip + 22);
  uint64_t a = source < destination ? source : destination;
  uint64_t b = source < destination ? destination : source;
  uint64_t a_low = 0x0000ffff00000000 | a >> 16, b_low = 0x0000ffff00000000 | b >> 16;
  uint16_t vlan = frame->vlan == 0xffff ? 0 : frame->vlan;
  out->key = (struct key){0, a_low, 0, b_low, (uint16_t)a, (uint16_t)b, ip[9], 0, vlan, 0, 0};
  out->side = source > destination;
  *hash = hash_of(w, 0, a_low, 0, b_low, a << 48 | (b & 0xffff) << 32, (uint64_t)ip[9] << 8,
                  (uint64_t)vlan << 32);
  finish_usual(frame, out, now);
  return 1;
}

HOT int parse_usual_ipv6(const struct reference_worker *w, const struct frame *frame, struct parsed *out,
                         uint64_t *hash, int64_t now) {
  const uint8_t *ip = frame->data + frame->network;
  if (UNLIKELY(frame->captured < frame->network + 48 || ip[0] >> 4 != 6)) return 0;
  uint32_t length = be16(ip + 4);
  if (UNLIKELY(length + 40 > frame->wire - frame->network ||
               !parse_usual_transport(frame, out, ip[6], frame->network + 40, (int32_t)length)))
    return 0;
  out->ip_length = length + 40;
  out->traffic_class = (uint8_t)(be16(ip) >> 4);
  out->ttl = ip[7];
  finish_usual(frame, out, now);
  set_key(w, out, hash, be64(ip + 8), be64(ip + 16), be64(ip + 24), be64(ip + 32), be16(ip + 40),
          be16(ip + 42), ip[6], IPV6);
  return 1;
}

// IPv6, and frames with an 802.1Q tag.
OUT_OF_LINE int parse_other_usual(const struct reference_worker *w, const struct martlet_packet *packet,
                                  struct parsed *out, uint64_t *hash, int64_t now) {
  const uint8_t *data = packet->data;
  uint32_t captured = packet->captured_length, wire = wire_length(packet);
  uint16_t type = be16(data + 12);
  if (LIKELY(type == 0x86dd)) {
    const struct frame frame = {packet, data, captured, wire, 14, 0xffff};
    return parse_usual_ipv6(w, &frame, out, hash, now);
  }
  if (UNLIKELY(type != 0x8100)) return 0;
  const struct frame frame = {packet, data, captured, wire, 18, be16(data + 14) & 0x0fff};
  switch (be16(data + 16)) {
    case 0x0800: return parse_usual_ipv4(w, &frame, out, hash, now);
    case 0x86dd: return parse_usual_ipv6(w, &frame, out, hash, now);
    default: return 0;
  }
}

HOT int parse_usual(const struct reference_worker *w, const struct martlet_packet *packet,
                    struct parsed *out, uint64_t *hash, int64_t now) {
  const uint16_t told = MARTLET_PACKET_VLAN_STRIPPED | MARTLET_PACKET_QINQ_STRIPPED |
                        MARTLET_PACKET_IP_CHECKSUM_BAD | MARTLET_PACKET_L4_CHECKSUM_BAD;
  const uint8_t *data = packet->data;
  uint32_t captured = packet->captured_length;
  // The shortest usual frame has 14 bytes of Ethernet, 20 of IPv4 and 8 of UDP.
  if (UNLIKELY(captured < 42 || packet->link_type != 1 || packet->flags & told || !data)) return 0;
  if (UNLIKELY(be16(data + 12) != 0x0800)) return parse_other_usual(w, packet, out, hash, now);
  const struct frame frame = {packet, data, captured, wire_length(packet), 14, 0xffff};
  return parse_usual_ipv4(w, &frame, out, hash, now);
}

HOT enum verdict parse(const struct reference_worker *w, const struct martlet_packet *packet,
                       struct parsed *out, uint64_t *hash, int64_t now) {
  return LIKELY(parse_usual(w, packet, out, hash, now)) ? FLOW : parse_unusual(w, packet, out, hash, now);
}

// --- Table: FlowTable.swift ----------------------------------------------------------------------

HOT uint16_t tag_of(uint64_t hash) {
  uint16_t tag = (uint16_t)(hash >> 48);
  return tag == 0 ? 1 : tag;
}

// A hash's low half as a fraction of 2^32, scaled to the count of buckets.
HOT uint64_t home_of(const struct reference_worker *w, uint64_t hash) {
  return ((hash & 0xffffffff) * w->bucket_count) >> 32;
}

HOT struct bucket *home_bucket(const struct reference_worker *w, uint64_t hash) {
  return w->buckets + home_of(w, hash);
}

// The bucket `distance` behind a home, in a circle.
HOT struct bucket *bucket_behind(const struct reference_worker *w, uint64_t home, uint64_t distance) {
  uint64_t number = home + distance;
  return w->buckets + (number >= w->bucket_count ? number - w->bucket_count : number);
}

// A bit for each of the eight tags that is equal, at twice its number.
HOT unsigned matches(const struct bucket *bucket, uint16_t tag) {
  return martlet_match8(bucket->tags, tag);
}

HOT int same_key(const struct key *a, const struct key *b) {
  uint32_t ports_a, ports_b, rest_a, rest_b, last_a, last_b;
  memcpy(&ports_a, &a->port_a, 4);
  memcpy(&ports_b, &b->port_a, 4);
  memcpy(&rest_a, &a->proto, 4);
  memcpy(&rest_b, &b->proto, 4);
  memcpy(&last_a, &a->vlan_inner, 4);
  memcpy(&last_b, &b->vlan_inner, 4);
  return ((a->a_high ^ b->a_high) | (a->a_low ^ b->a_low) | (a->b_high ^ b->b_high) |
          (a->b_low ^ b->b_low) | (ports_a ^ ports_b) | (rest_a ^ rest_b) | (last_a ^ last_b)) == 0;
}

HOT uint32_t prefetch_candidate(const struct reference_worker *w, uint64_t hash) {
  const struct bucket *home = home_bucket(w, hash);
  unsigned found = matches(home, tag_of(hash));
  if (!found) return NONE;
  uint32_t number = home->numbers[(unsigned)__builtin_ctz(found) >> 1];
  martlet_prefetch_write(w->hot + number);
  martlet_prefetch_write((const uint8_t *)(w->hot + number) + 64);
  return number;
}

OUT_OF_LINE uint32_t search(const struct reference_worker *w, const struct key *key, uint64_t hash) {
  uint16_t tag = tag_of(hash);
  uint64_t home = home_of(w, hash), reach = w->buckets[home].reach;
  for (uint64_t distance = 0; distance <= reach; distance++) {
    const struct bucket *bucket = bucket_behind(w, home, distance);
    for (unsigned found = matches(bucket, tag); found; found &= found - 1) {
      uint32_t entry = bucket->numbers[(unsigned)__builtin_ctz(found) >> 1];
      if (same_key(&w->hot[entry].key, key)) return entry;
    }
  }
  return NONE;
}

HOT uint32_t find(const struct reference_worker *w, const struct key *key, uint64_t hash,
                  uint32_t candidate) {
  if (candidate != NONE && (w->hot[candidate].flags & LIVE) && same_key(&w->hot[candidate].key, key))
    return candidate;
  return search(w, key, hash);
}

// Both halves of an entry on their way.
HOT void prefetch_all(const struct reference_worker *w, uint32_t entry) {
  const uint8_t *hot = (const uint8_t *)(w->hot + entry), *cold = (const uint8_t *)(w->cold + entry);
  martlet_prefetch_write(hot);
  martlet_prefetch_write(hot + 64);
  martlet_prefetch_write(cold);
  martlet_prefetch_write(cold + 64);
}

// How many beginnings ahead an entry's lines are asked for.
enum { FREE_AHEAD = 4 };

static uint32_t insert(struct reference_worker *w, uint64_t hash) {
  uint32_t entry = w->free[--w->free_count];
  if (w->free_count >= FREE_AHEAD) prefetch_all(w, w->free[w->free_count - FREE_AHEAD]);
  uint64_t home = home_of(w, hash);
  for (uint64_t distance = 0;; distance++) {
    struct bucket *bucket = bucket_behind(w, home, distance);
    unsigned room = matches(bucket, 0);
    if (!room) continue;
    unsigned slot = (unsigned)__builtin_ctz(room) >> 1;
    bucket->tags[slot] = tag_of(hash);
    bucket->numbers[slot] = entry;
    if (distance > 0) {
      w->buckets[home].strays++;
      if (w->buckets[home].reach < distance) w->buckets[home].reach = (uint32_t)distance;
    }
    return entry;
  }
}

static void take_out(struct reference_worker *w, uint32_t entry, uint64_t hash) {
  uint64_t home = home_of(w, hash), reach = w->buckets[home].reach;
  for (uint64_t distance = 0; distance <= reach; distance++) {
    struct bucket *bucket = bucket_behind(w, home, distance);
    for (int slot = 0; slot < 8; slot++) {
      if (bucket->numbers[slot] != entry || bucket->tags[slot] == 0) continue;
      bucket->tags[slot] = 0;
      if (distance > 0 && --w->buckets[home].strays == 0) w->buckets[home].reach = 0;
      w->hot[entry].flags = 0;
      w->free[w->free_count++] = entry;
      return;
    }
  }
}

// --- Timer wheel: TimerWheel.swift -----------------------------------------------------------------

enum { TICK_SHIFT = 28, SLOTS = 4096 };
static const uint32_t HEAD_MARK = 0x80000000;

HOT uint32_t slot_of(const struct reference_worker *w, int64_t deadline) {
  int64_t due = (deadline + (1 << TICK_SHIFT) - 1) >> TICK_SHIFT;
  int64_t last = w->tick + SLOTS - 1;
  int64_t tick = due < last ? due : last;
  if (tick < w->tick) tick = w->tick;
  return (uint32_t)tick & (SLOTS - 1);
}

static void schedule(struct reference_worker *w, uint32_t entry, int64_t deadline) {
  uint32_t slot = slot_of(w, deadline), head = w->heads[slot];
  w->hot[entry].timer_next = head;
  w->hot[entry].timer_previous = HEAD_MARK | slot;
  if (head != NONE) w->hot[head].timer_previous = entry;
  w->heads[slot] = entry;
  w->occupied[slot >> 6] |= UINT64_C(1) << (slot & 63);
}

static void cancel(struct reference_worker *w, uint32_t entry) {
  uint32_t next = w->hot[entry].timer_next, previous = w->hot[entry].timer_previous;
  if (next != NONE) w->hot[next].timer_previous = previous;
  if (previous & HEAD_MARK) {
    uint32_t slot = previous & ~HEAD_MARK;
    w->heads[slot] = next;
    if (next == NONE) w->occupied[slot >> 6] &= ~(UINT64_C(1) << (slot & 63));
  } else {
    w->hot[previous].timer_next = next;
  }
}

static int64_t next_occupied(const struct reference_worker *w, int64_t tick) {
  uint32_t start = (uint32_t)(tick + 1) & (SLOTS - 1), word = start >> 6;
  uint64_t bits = w->occupied[word] & (UINT64_MAX << (start & 63));
  for (int step = 0; step <= SLOTS / 64; step++) {
    if (bits) {
      uint32_t found = word << 6 | (uint32_t)__builtin_ctzll(bits);
      return tick + 1 + ((found - start) & (SLOTS - 1));
    }
    word = (word + 1) & (SLOTS / 64 - 1);
    bits = w->occupied[word];
  }
  return -1;
}

static uint32_t pop_due(struct reference_worker *w, int64_t now) {
  int64_t target = now >> TICK_SHIFT;
  if (target - w->tick >= SLOTS) w->tick = target - (SLOTS - 1);
  while (w->tick <= target) {
    uint32_t head = w->heads[w->tick & (SLOTS - 1)];
    if (head != NONE) {
      cancel(w, head);
      return head;
    }
    if (w->tick == target) return NONE;
    int64_t next = next_occupied(w, w->tick);
    w->tick = next >= 0 && next < target ? next : target;
  }
  return NONE;
}

static uint32_t earliest(const struct reference_worker *w) {
  uint32_t head = w->heads[w->tick & (SLOTS - 1)];
  if (head != NONE) return head;
  int64_t tick = next_occupied(w, w->tick);
  return tick < 0 ? NONE : w->heads[tick & (SLOTS - 1)];
}

// --- Ends and records: FlowTracker+Export.swift ------------------------------------------------------

HOT int64_t inactive(const struct reference_worker *w, const struct hot *hot) {
  const struct reference_settings *s = &w->settings;
  switch (hot->key.proto) {
    case TCP:
      if (hot->state == CLOSED) return s->closed;
      if (hot->state == NEW && !(hot->flags & MIDSTREAM)) return s->half_open;
      return s->tcp;
    case UDP: return s->udp;
    case ICMP: case ICMPV6: return s->icmp;
    default: return s->other;
  }
}

static int64_t deadline(const struct reference_worker *w, uint32_t entry) {
  int64_t idle = w->hot[entry].last_seen + inactive(w, &w->hot[entry]);
  if (w->on_packet_time) return idle;
  int64_t active = w->cold[entry].active_deadline;
  return active > 0 && active < idle ? active : idle;
}

static void emit(struct reference_worker *w, uint32_t entry, uint8_t kind, uint8_t reason, int64_t now) {
  w->counters[REFERENCE_RECORDS_MADE]++;
  uint64_t number = w->sequence++;
  if (UNLIKELY(w->tail - w->head_seen > w->record_mask)) {
    w->head_seen = martlet_load_acquire(&w->head);
    if (w->tail - w->head_seen > w->record_mask) {
      w->counters[REFERENCE_RECORDS_DROPPED]++;
      return;
    }
  }
  struct record *record = &w->records[w->tail & w->record_mask];
  record->sequence = number;
  record->kind = kind;
  record->worker = 0;
  record->event = 0;
  record->hot = w->hot[entry];
  record->cold = w->cold[entry];
  record->parts = 1 << 2 | 1 << 3;
  if (UNLIKELY(w->cold[entry].tunnel != 0 || w->cold[entry].detail != 0)) unusual(w);
  record->export_time = w->on_packet_time ? w->hot[entry].last_seen : now;
  record->end_reason = reason;
  martlet_store_release(&w->tail, w->tail + 1);
}

static void emit_and_remove(struct reference_worker *w, uint32_t entry, uint8_t reason, int64_t now) {
  emit(w, entry, RECORD_FLOW, reason, now);
  take_out(w, entry, hash_key(w, &w->hot[entry].key));
}

static void end_idle(struct reference_worker *w, uint32_t entry, int64_t now) {
  int closed = w->hot[entry].state == CLOSED;
  w->counters[closed ? REFERENCE_ENDED_BY_PROTOCOL : REFERENCE_ENDED_IDLE]++;
  emit_and_remove(w, entry, closed ? END_OF_FLOW : END_IDLE, now);
}

static void put48(uint16_t *out, uint64_t value) {
  for (int i = 0; i < 3; i++) out[i] = (uint16_t)(value >> (16 * i));
}

OUT_OF_LINE void report(struct reference_worker *w, uint32_t entry, int64_t now) {
  struct hot *hot = &w->hot[entry];
  struct cold *cold = &w->cold[entry];
  int64_t periods = (now - cold->active_deadline) / w->settings.active + 1;
  cold->active_deadline += periods * w->settings.active;
  if (cold->updates < UINT16_MAX) cold->updates++;
  w->counters[REFERENCE_FLOW_UPDATES]++;
  emit(w, entry, RECORD_UPDATE, END_ACTIVE, now);
  for (int side = 0; side < 2; side++) {
    put48(cold->reported[side], hot->sides[side].packets);
    put48(cold->reported[2 + side], hot->sides[side].bytes);
    put48(cold->reported[4 + side], hot->sides[side].ip_bytes);
  }
}

// The next entry's place in the index on its way, and the lines of the one behind that.
HOT void prefetch_following(const struct reference_worker *w, uint32_t entry) {
  uint32_t next = w->hot[entry].timer_next;
  if (next == NONE) return;
  martlet_prefetch(home_bucket(w, hash_key(w, &w->hot[next].key)));
  uint32_t second = w->hot[next].timer_next;
  if (second != NONE) prefetch_all(w, second);
}

OUT_OF_LINE void expire_due(struct reference_worker *w, int64_t now, int budget) {
  for (int visited = 0; visited < budget; visited++) {
    uint32_t entry = pop_due(w, now);
    if (entry == NONE) return;
    prefetch_following(w, entry);
    if (w->hot[entry].last_seen + inactive(w, &w->hot[entry]) <= now) {
      end_idle(w, entry, now);
      continue;
    }
    int64_t due = w->cold[entry].active_deadline;
    if (!w->on_packet_time && due > 0 && due <= now) report(w, entry, now);
    schedule(w, entry, deadline(w, entry));
  }
}

OUT_OF_LINE void evict_oldest(struct reference_worker *w, int64_t now) {
  uint32_t oldest = NONE;
  int64_t oldest_seen = INT64_MAX;
  for (int i = 0; i < 16; i++) {
    uint32_t entry = earliest(w);
    if (entry == NONE) break;
    if (w->hot[entry].last_seen < oldest_seen) {
      oldest = entry;
      oldest_seen = w->hot[entry].last_seen;
    }
    int64_t due = deadline(w, entry);
    if (w->hot[entry].timer_previous == (HEAD_MARK | slot_of(w, due))) {
      oldest = entry;
      break;
    }
    cancel(w, entry);
    schedule(w, entry, due);
  }
  if (oldest == NONE) return;
  prefetch_following(w, oldest);
  w->counters[REFERENCE_EVICTED]++;
  cancel(w, oldest);
  emit_and_remove(w, oldest, END_RESOURCES, now);
}

// --- Beginnings: FlowTracker.swift -------------------------------------------------------------------

static int is_server_port(uint16_t port, uint8_t proto) {
  if (proto == TCP) {
    if (port < 1024) return 1;
    switch (port) {
      case 1080: case 1433: case 1494: case 1521: case 1720: case 1723: case 1883: case 2049: case 2404:
      case 3128: case 3268: case 3269: case 3306: case 3389: case 5060: case 5061: case 5222: case 5223:
      case 5269: case 5432: case 5671: case 5672: case 5900: case 5985: case 5986: case 6379: case 6443:
      case 6667: case 6697: case 8000: case 8008: case 8080: case 8081: case 8088: case 8443: case 8883:
      case 8888: case 9042: case 9092: case 9200: case 9300: case 9418: case 10050: case 10051:
      case 11211: case 20000: case 27017: case 44818: case 47808:
        return 1;
      default: return 0;
    }
  }
  switch (port) {
    case 53: case 67: case 69: case 88: case 111: case 123: case 137: case 161: case 389: case 443:
    case 500: case 514: case 547: case 623: case 853: case 1194: case 1434: case 1645: case 1646:
    case 1812: case 1813: case 1900: case 2049: case 3478: case 3544: case 4500: case 5060: case 5353:
    case 5355: case 5683: case 11211: case 47808: case 51820:
      return 1;
    default: return 0;
  }
}

static uint8_t originator_flags(const struct parsed *p) {
  uint8_t sender = p->side ? ORIGINATOR_IS_B : 0, receiver = sender ^ ORIGINATOR_IS_B;
  int is_tcp = p->key.proto == TCP;
  if (!is_tcp && p->key.proto != UDP) return sender;
  if (is_tcp && (p->tcp_flags & (SYN | ACK)) == SYN) return sender | DIRECTION_BY_SYN;
  if (is_tcp && p->tcp_flags & SYN) return receiver | DIRECTION_BY_SYN;
  uint16_t source = p->side ? p->key.port_b : p->key.port_a;
  uint16_t destination = p->side ? p->key.port_a : p->key.port_b;
  int answers = is_server_port(source, p->key.proto) && !is_server_port(destination, p->key.proto);
  return (answers ? receiver : sender) | (is_tcp ? MIDSTREAM : 0);
}

static void append(struct reference_worker *w, uint32_t entry, uint8_t letter) {
  struct cold *cold = &w->cold[entry];
  if (cold->history_length < 16) cold->history[cold->history_length++] = letter;
}

OUT_OF_LINE uint32_t begin(struct reference_worker *w, const struct parsed *p, uint64_t hash,
                           int64_t clock) {
  if (w->free_count == 0) evict_oldest(w, clock);
  uint32_t entry = insert(w, hash);
  struct hot *hot = &w->hot[entry];
  struct cold *cold = &w->cold[entry];
  memset(hot, 0, sizeof *hot);
  memset(cold, 0, sizeof *cold);
  hot->key = p->key;
  hot->last_seen = p->time;
  hot->flags = LIVE | originator_flags(p) | (p->side ? FIRST_SIDE_IS_B : 0);
  cold->first_seen = p->time;
  cold->ordinal = p->ordinal;
  cold->port_index = p->port;
  cold->vlan_outer = p->vlan_outer;
  cold->vlan_inner = p->vlan_inner;
  if ((hot->flags & ORIGINATOR_IS_B ? 1 : 0) != p->side) append(w, entry, '^');
  if (p->key.proto == ICMP || p->key.proto == ICMPV6) {
    cold->kind[0] = p->icmp_type;
    cold->kind[1] = p->icmp_code;
  }
  if (p->flags & ETHERNET && p->data) {
    memcpy(cold->mac[p->side], p->data + 6, 6);
    memcpy(cold->mac[p->side ^ 1], p->data, 6);
  }
  if (w->settings.active > 0) cold->active_deadline = p->time + w->settings.active;
  schedule(w, entry, deadline(w, entry));
  w->counters[REFERENCE_FLOWS_CREATED]++;
  return entry;
}

OUT_OF_LINE uint32_t begin_again(struct reference_worker *w, uint32_t entry, const struct parsed *p,
                                 uint64_t hash, int64_t clock) {
  cancel(w, entry);
  emit_and_remove(w, entry, END_OF_FLOW, p->time);
  w->counters[REFERENCE_ENDED_BY_PROTOCOL]++;
  w->counters[REFERENCE_PORTS_REUSED]++;
  return begin(w, p, hash, clock);
}

OUT_OF_LINE uint32_t after_silence(struct reference_worker *w, uint32_t entry, const struct parsed *p,
                                   uint64_t hash, int64_t clock) {
  int64_t now = clock > p->time ? clock : p->time;
  if (w->hot[entry].last_seen + inactive(w, &w->hot[entry]) > now) return entry;
  cancel(w, entry);
  end_idle(w, entry, now);
  return begin(w, p, hash, clock);
}

OUT_OF_LINE void first_of_side(struct reference_worker *w, uint32_t entry, const struct parsed *p) {
  struct hot *hot = &w->hot[entry];
  struct cold *cold = &w->cold[entry];
  cold->ttl[p->side] = p->ttl;
  cold->traffic_class[p->side] = p->traffic_class;
  if (p->side == (hot->flags & FIRST_SIDE_IS_B ? 1 : 0)) return;
  cold->first_reply = p->time;
  if (p->key.proto == TCP) return;
  hot->state = ESTABLISHED;
  if (p->key.proto == ICMP || p->key.proto == ICMPV6) cold->kind[2] = p->icmp_code;
}

// --- TCP: FlowTracker+TCP.swift, FlowTracker+History.swift -------------------------------------------

HOT int32_t distance(uint32_t a, uint32_t b) { return (int32_t)(b - a); }
HOT uint32_t magnitude(int32_t d) { return d < 0 ? 0u - (uint32_t)d : (uint32_t)d; }

static const int32_t LARGE_DISTANCE = 1 << 20;
static const uint32_t LARGEST_WINDOW = 1u << 30;

HOT uint8_t tcp_state(const struct cold *cold, uint8_t side) { return cold->kind[0] >> (side * 4) & 0x0f; }
HOT uint8_t tcp_state_before(const struct cold *cold, uint8_t side) {
  return cold->kind[1] >> (side * 4) & 0x0f;
}
static void set_tcp_state(struct cold *cold, uint8_t side, uint8_t state) {
  uint8_t old = tcp_state(cold, side);
  if (old == state) return;
  int shift = side * 4;
  cold->kind[1] = (uint8_t)((cold->kind[1] & ~(0x0f << shift)) | old << shift);
  cold->kind[0] = (uint8_t)((cold->kind[0] & ~(0x0f << shift)) | state << shift);
}
static void set_window_scale(struct cold *cold, uint8_t side, uint8_t scale) {
  int shift = side * 4;
  if (scale > 14) scale = 14;
  cold->kind[2] = (uint8_t)((cold->kind[2] & ~(0x0f << shift)) | scale << shift);
}

HOT uint8_t originator_side(const struct hot *hot) { return hot->flags & ORIGINATOR_IS_B ? 1 : 0; }

static uint8_t letter_of(uint16_t bit, const struct hot *hot, uint8_t sender) {
  uint8_t upper = (uint8_t)"SHADFRCITWGQ"[__builtin_ctz(bit)];
  return sender == originator_side(hot) ? upper : upper | 0x20;
}

static void append_history(struct reference_worker *w, uint32_t entry, uint8_t sender, uint16_t bit) {
  struct side *side = &w->hot[entry].sides[sender];
  if (side->history & bit) return;
  side->history |= bit;
  append(w, entry, letter_of(bit, &w->hot[entry], sender));
}

static void write_letters(struct reference_worker *w, uint32_t entry, const struct parsed *p) {
  struct side *side = &w->hot[entry].sides[p->side];
  uint16_t had = side->history;
  switch (p->tcp_flags & (SYN | FIN | RST)) {
    case 0:
      if (p->payload_length > 0) append_history(w, entry, p->side, LETTER_DATA);
      else if (p->tcp_flags & ACK) append_history(w, entry, p->side, LETTER_ACK);
      break;
    case SYN: {
      uint16_t letter = p->tcp_flags & ACK ? LETTER_SYN_ACK : LETTER_SYN;
      if (!(had & (LETTER_SYN | LETTER_SYN_ACK))) append_history(w, entry, p->side, letter);
      else side->history |= letter;
      break;
    }
    case FIN:
      if (had & LETTER_FIN && p->sequence + p->payload_length + 1 != side->next_sequence)
        append(w, entry, letter_of(LETTER_FIN, &w->hot[entry], p->side));
      else
        append_history(w, entry, p->side, LETTER_FIN);
      break;
    case RST:
      if (had & LETTER_RST && (uint16_t)p->sequence != side->window)
        append(w, entry, letter_of(LETTER_RST, &w->hot[entry], p->side));
      else
        append_history(w, entry, p->side, LETTER_RST);
      break;
    default:
      append_history(w, entry, p->side,
                     (p->tcp_flags & (FIN | RST)) == (FIN | RST) ? LETTER_INCONSISTENT : LETTER_MULTIPLE);
  }
}

static int is_outside_window(const struct reference_worker *w, uint32_t entry, const struct parsed *p) {
  const struct hot *hot = &w->hot[entry];
  const struct cold *cold = &w->cold[entry];
  uint8_t state = tcp_state(cold, p->side);
  if (hot->state != ESTABLISHED || (state != TCP_ESTABLISHED && state != PARTIAL)) return 0;
  uint32_t room = (uint32_t)hot->sides[p->side ^ 1].window << (cold->kind[2] >> ((p->side ^ 1) * 4) & 0x0f);
  if (room < 65535) room = 65535;
  return magnitude(distance(hot->sides[p->side].next_sequence, p->sequence)) > room;
}

// The window scale of a SYN's options, -1 where there is none, -2 where they cannot be read.
static int window_scale(const struct parsed *p) {
  if (!p->data || p->payload_offset > p->captured) return -1;
  int found = -1;
  for (size_t at = (size_t)p->transport_offset + 20, end = p->payload_offset; at < end;) {
    uint8_t kind = p->data[at];
    if (kind == 0) break;
    if (kind == 1) {
      at++;
      continue;
    }
    if (at + 1 >= end) return -2;
    size_t length = p->data[at + 1];
    if (length < 2 || at + length > end) return -2;
    if (kind == 3 && length >= 3 && found < 0) found = p->data[at + 2];
    at += length;
  }
  return found;
}

static void read_options(struct reference_worker *w, struct cold *cold, const struct parsed *p) {
  int scale = window_scale(p);
  if (scale == -2) unusual(w);
  set_window_scale(cold, p->side, scale >= 0 ? (uint8_t)scale : 0);
  if (scale < 0 && p->tcp_flags & ACK) set_window_scale(cold, p->side ^ 1, 0);
}

static void settle_direction(struct reference_worker *w, uint32_t entry, const struct parsed *p) {
  struct hot *hot = &w->hot[entry];
  if (hot->flags & DIRECTION_BY_SYN) return;
  uint8_t originator = p->tcp_flags & ACK ? p->side ^ 1 : p->side;
  hot->flags |= DIRECTION_BY_SYN;
  if (originator_side(hot) != originator) {
    hot->flags ^= ORIGINATOR_IS_B;
    append(w, entry, '^');
  }
}

static void begin_sequence(struct reference_worker *w, uint32_t entry, const struct parsed *p,
                           uint32_t after) {
  struct cold *cold = &w->cold[entry];
  struct side *side = &w->hot[entry].sides[p->side];
  int is_syn = p->tcp_flags & SYN;
  switch (tcp_state(cold, p->side)) {
    case INACTIVE:
      cold->start[p->side] = is_syn ? p->sequence : p->sequence - 1;
      side->next_sequence = is_syn ? after : p->sequence;
      return;
    case SYN_SENT: case SYN_ACK_SENT:
      if (!is_syn || p->sequence == cold->start[p->side]) return;
      break;
    case TCP_ESTABLISHED: case PARTIAL: {
      uint32_t start = cold->start[p->side];
      int has_sent = distance(start + 1, side->next_sequence) > 0;
      if (!is_syn || p->sequence == start || (p->tcp_flags & ACK && has_sent)) return;
      break;
    }
    case TCP_RESET:
      if (!is_syn || tcp_state_before(cold, p->side) != INACTIVE) return;
      break;
    default: return;
  }
  cold->start[p->side] = p->sequence;
  side->next_sequence = after;
}

static void begin_peer(struct reference_worker *w, uint32_t entry, const struct parsed *p) {
  struct cold *cold = &w->cold[entry];
  uint8_t other = p->side ^ 1;
  if (tcp_state(cold, other) != INACTIVE) return;
  struct side *peer = &w->hot[entry].sides[other];
  if (cold->start[other] == 0 && peer->next_sequence == 0) {
    cold->start[other] = p->acknowledgement - 1;
    peer->next_sequence = p->acknowledgement;
  } else if (!(p->tcp_flags & RST) && distance(peer->next_sequence, p->acknowledgement) > 0) {
    peer->next_sequence = p->acknowledgement;
  }
}

static void follow_sequence(struct reference_worker *w, uint32_t entry, const struct parsed *p,
                            uint32_t after) {
  struct cold *cold = &w->cold[entry];
  struct side *side = &w->hot[entry].sides[p->side];
  uint32_t next = side->next_sequence;
  int32_t beyond = distance(next, after);
  if (p->tcp_flags & (SYN | RST) && (beyond > LARGE_DISTANCE || beyond < -LARGE_DISTANCE)) return;
  if (p->tcp_flags & FIN && next == cold->start[p->side] + 1) {
    side->next_sequence = after;
    return;
  }
  if (tcp_state(cold, p->side) == TCP_RESET) return;
  if (!(p->tcp_flags & (SYN | RST)) && magnitude(distance(next, p->sequence)) > LARGEST_WINDOW) {
    cold->start[p->side] = p->sequence - 1;
    side->next_sequence = after;
    return;
  }
  if (beyond > 0) {
    side->next_sequence = after;
    if (distance(next, p->sequence) > 0 || side->history & AHEAD) unusual(w);
    return;
  }
  // Keep-alives, retransmissions, segments that fill a hole.
  if (!(p->tcp_flags & (SYN | FIN | RST)) && p->payload_length <= 1 && p->sequence == next - 1 &&
      p->tcp_flags & ACK && tcp_state(cold, p->side) != INACTIVE)
    return unusual(w);
  if (p->payload_length > 0) unusual(w);
}

static void follow_acknowledgement(struct reference_worker *w, uint32_t entry, const struct parsed *p) {
  uint8_t other = p->side ^ 1;
  if (tcp_state(&w->cold[entry], other) == INACTIVE) return;
  struct side *peer = &w->hot[entry].sides[other];
  int32_t beyond = distance(peer->next_sequence, p->acknowledgement);
  if (peer->history & HOLES) unusual(w);
  if (beyond > 0 && magnitude(beyond) <= LARGEST_WINDOW &&
      (beyond <= LARGE_DISTANCE || p->acknowledgement != 0) && w->hot[entry].state != CLOSED)
    unusual(w);
}

static void leave_inactive(struct reference_worker *w, uint32_t entry, const struct parsed *p) {
  struct cold *cold = &w->cold[entry];
  uint8_t sender = p->side, other = sender ^ 1;
  int is_originator = sender == originator_side(&w->hot[entry]);
  if (p->tcp_flags & SYN) {
    if (is_originator) {
      set_tcp_state(cold, sender, p->tcp_flags & ACK ? SYN_ACK_SENT : SYN_SENT);
    } else {
      if (tcp_state(cold, other) == SYN_SENT) set_tcp_state(cold, other, TCP_ESTABLISHED);
      set_tcp_state(cold, sender, TCP_ESTABLISHED);
    }
  }
  if (p->tcp_flags & FIN) set_tcp_state(cold, sender, TCP_CLOSED);
  if (p->tcp_flags & RST) set_tcp_state(cold, sender, TCP_RESET);
  if (tcp_state(cold, sender) != INACTIVE) return;
  uint8_t peer = tcp_state(cold, other);
  if (!is_originator && p->payload_length == 0 && peer == SYN_SENT) return;
  set_tcp_state(cold, sender, p->tcp_flags & ACK && peer == TCP_ESTABLISHED ? TCP_ESTABLISHED : PARTIAL);
}

static void leave_established(struct cold *cold, const struct parsed *p) {
  uint8_t sender = p->side, other = sender ^ 1;
  if ((p->tcp_flags & (SYN | ACK)) == SYN && tcp_state(cold, sender) == PARTIAL &&
      tcp_state(cold, other) == INACTIVE)
    set_tcp_state(cold, sender, SYN_SENT);
  if ((p->tcp_flags & (FIN | RST)) == FIN) {
    set_tcp_state(cold, sender, TCP_CLOSED);
    if (tcp_state(cold, other) == TCP_RESET && tcp_state_before(cold, other) == TCP_CLOSED)
      set_tcp_state(cold, other, TCP_CLOSED);
  }
  if (p->tcp_flags & RST) set_tcp_state(cold, sender, TCP_RESET);
}

static void change_state(struct reference_worker *w, uint32_t entry, const struct parsed *p) {
  struct cold *cold = &w->cold[entry];
  switch (tcp_state(cold, p->side)) {
    case INACTIVE: return leave_inactive(w, entry, p);
    case SYN_SENT: case SYN_ACK_SENT:
      if (p->tcp_flags & FIN) set_tcp_state(cold, p->side, TCP_CLOSED);
      if (p->tcp_flags & RST) set_tcp_state(cold, p->side, TCP_RESET);
      return;
    case TCP_ESTABLISHED: case PARTIAL: return leave_established(cold, p);
    case TCP_CLOSED:
      if (p->tcp_flags & RST && tcp_state(cold, p->side ^ 1) != TCP_CLOSED)
        set_tcp_state(cold, p->side, TCP_RESET);
      return;
    default: return;
  }
}

HOT void establish(struct hot *hot) {
  const struct side *originator = &hot->sides[originator_side(hot)];
  const struct side *responder = &hot->sides[originator_side(hot) ^ 1];
  const uint16_t moved = LETTER_ACK | LETTER_DATA;
  if (originator->packets > 0 && responder->packets > 0 && originator->history & moved &&
      responder->history & (LETTER_SYN_ACK | moved))
    hot->state = ESTABLISHED;
}

static void settle_state(struct reference_worker *w, uint32_t entry) {
  struct hot *hot = &w->hot[entry];
  const struct cold *cold = &w->cold[entry];
  uint8_t a = tcp_state(cold, 0), b = tcp_state(cold, 1);
  if (hot->state == NEW) establish(hot);
  int is_over = a == TCP_RESET || b == TCP_RESET || (a == TCP_CLOSED && b == TCP_CLOSED);
  if (is_over && hot->state != CLOSED) {
    hot->state = CLOSED;
    cancel(w, entry);
    schedule(w, entry, deadline(w, entry));
  }
}

OUT_OF_LINE void update_tcp_state(struct reference_worker *w, uint32_t entry, const struct parsed *p) {
  if (UNLIKELY(p->flags & BAD_TRANSPORT)) return;
  struct hot *hot = &w->hot[entry];
  struct cold *cold = &w->cold[entry];
  struct side *side = &hot->sides[p->side];
  uint8_t flags = p->tcp_flags;
  int is_reset = flags & RST;
  if (is_reset && is_outside_window(w, entry, p)) return unusual(w);
  if (flags & SYN) settle_direction(w, entry, p);
  uint32_t after = p->sequence;
  if (!is_reset) after += p->payload_length;
  if (flags & SYN) after++;
  if (flags & FIN) after++;
  begin_sequence(w, entry, p, after);
  write_letters(w, entry, p);
  if (is_reset) {
    side->window = (uint16_t)p->sequence;
  } else {
    if (!(side->history & LETTER_RST)) side->window = p->window;
    if (p->window == 0 && tcp_state(cold, p->side ^ 1) != TCP_CLOSED &&
        tcp_state(cold, p->side) != TCP_RESET)
      unusual(w);
  }
  if (flags & SYN) read_options(w, cold, p);
  if (flags & ACK) begin_peer(w, entry, p);
  follow_sequence(w, entry, p, after);
  change_state(w, entry, p);
  if (flags & ACK && !is_reset) follow_acknowledgement(w, entry, p);
  uint8_t control = flags & (SYN | FIN | RST);
  if (control & (control - 1)) unusual(w);
  settle_state(w, entry);
}

// What follows in order: a segment on an open connection, without holes on either side, or a datagram
// behind the usual headers, which looks like one. Else, and of a side's first of its kind, nothing is changed.
HOT int follow_in_order(struct hot *hot, struct side *side, struct side *peer, const struct parsed *p) {
  // Copies in registers: the store of the flags may alias whatever is behind a pointer.
  uint32_t sequence = p->sequence, acknowledgement = p->acknowledgement, advance = p->advance;
  uint16_t window = p->window, history = side->history;
  uint32_t differs = (sequence ^ side->next_sequence) | (uint32_t)(p->control ^ ACK) |
                     (uint32_t)(p->letter & ~history) |
                     (uint32_t)((history | peer->history) & (HOLES | AHEAD));
  if (UNLIKELY(differs != 0) || UNLIKELY(window == 0) || UNLIKELY(hot->state == CLOSED)) return 0;
  if (UNLIKELY(distance(acknowledgement, peer->next_sequence) < 0)) {
    if (peer->packets != 0) return 0;
    peer->next_sequence = acknowledgement;
  }
  side->next_sequence = sequence + advance;
  side->window = window;
  hot->tcp_flags[p->side] |= p->tcp_flags;
  return 1;
}

// Partial and established are 3 and 4: one less leaves 2 or 3 in each nibble.
HOT int is_open_both_ways(const struct cold *cold) {
  uint8_t reduced = (uint8_t)(cold->kind[0] - 0x11);
  return (cold->kind[0] & 0x0f) != 0 && (reduced & 0xee) == 0x22;
}

// A side's first data or first pure acknowledgement, in order on a connection that is open both ways; else
// nothing is changed. It is what update_tcp_state comes to in that case.
static int follow_first_of_kind(struct reference_worker *w, uint32_t entry, struct hot *hot,
                                struct side *side, const struct side *peer, const struct parsed *p) {
  uint32_t differs = (p->sequence ^ side->next_sequence) | (uint32_t)(p->control ^ ACK) |
                     (uint32_t)((side->history | peer->history) & (HOLES | AHEAD)) |
                     (uint32_t)(p->flags & BAD_TRANSPORT);
  if (differs != 0 || p->window == 0 || hot->state == CLOSED || !is_open_both_ways(&w->cold[entry]) ||
      distance(p->acknowledgement, peer->next_sequence) < 0)
    return 0;
  side->next_sequence += p->advance;
  side->window = p->window;
  append_history(w, entry, p->side, p->letter);
  if (hot->state == NEW) establish(hot);
  return 1;
}

HOT void update_tcp(struct reference_worker *w, uint32_t entry, struct hot *hot, struct side *side,
                    const struct parsed *p) {
  struct side *peer = &hot->sides[p->side ^ 1];
  if (follow_in_order(hot, side, peer, p)) return;
  hot->tcp_flags[p->side] |= p->tcp_flags;
  if (!follow_first_of_kind(w, entry, hot, side, peer, p)) update_tcp_state(w, entry, p);
}

// A packet of a known flow in the ordinary course of things; else nothing is changed.
HOT int update_known(struct reference_worker *w, const struct parsed *p, uint32_t candidate,
                     int64_t clock) {
  if (UNLIKELY(candidate == NONE)) return 0;
  struct hot *hot = &w->hot[candidate];
  if (UNLIKELY(!(hot->flags & LIVE) || !same_key(&hot->key, &p->key) ||
               p->flags & (BAD_TRANSPORT | BEYOND_FRAME)))
    return 0;
  int64_t time = p->time, before = hot->last_seen, now = clock > time ? clock : time;
  struct side *side = &hot->sides[p->side];
  if (UNLIKELY(time < before || now - before >= w->shortest || side->packets == 0)) return 0;
  if (UNLIKELY(!follow_in_order(hot, side, &hot->sides[p->side ^ 1], p))) return 0;
  hot->last_seen = time;
  side->packets++;
  side->bytes += p->wire_length;
  side->ip_bytes += p->ip_length;
  return 1;
}

OUT_OF_LINE int is_reuse(const struct reference_worker *w, uint32_t entry, const struct parsed *p) {
  const struct cold *cold = &w->cold[entry];
  uint8_t own = tcp_state(cold, p->side), other = tcp_state(cold, p->side ^ 1);
  if (own == TCP_CLOSED && other == TCP_CLOSED) return 1;
  if (own == INACTIVE)
    return other != SYN_SENT && other != SYN_ACK_SENT && other != INACTIVE &&
           w->hot[entry].state != NEW;
  return p->sequence != cold->start[p->side];
}

OUT_OF_LINE void add_headers(struct reference_worker *w, uint32_t entry, uint8_t side, uint32_t more) {
  w->cold[entry].start[side] += more;
}

HOT void update_other(struct reference_worker *w, uint32_t entry, struct side *side,
                      const struct parsed *p) {
  uint8_t proto = p->key.proto;
  if (proto != UDP && proto != ICMP && proto != ICMPV6) return;
  uint32_t usual = p->key.flags & IPV6 ? 48 : 28;
  uint32_t headers = p->ip_length - p->payload_length;
  if (UNLIKELY(headers != usual)) add_headers(w, entry, p->side, headers - usual);
  if (UNLIKELY(!(side->history & LETTER_DATA)) && proto == UDP)
    append_history(w, entry, p->side, LETTER_DATA);
}

HOT int is_plain_syn(const struct parsed *p) {
  return (p->tcp_flags & CONTROL) == SYN && p->payload_length == 0 && p->window != 0 &&
         !(p->flags & BAD_TRANSPORT);
}

// The first packet of a new entry, where it is a plain SYN: what the steps of update would come to.
static void begin_with_syn(struct reference_worker *w, uint32_t entry, const struct parsed *p) {
  struct hot *hot = &w->hot[entry];
  struct cold *cold = &w->cold[entry];
  struct side *side = &hot->sides[p->side];
  side->packets = 1;
  side->bytes = p->wire_length;
  side->ip_bytes = p->ip_length;
  side->next_sequence = p->sequence + 1;
  side->window = p->window;
  hot->tcp_flags[p->side] = p->tcp_flags;
  cold->ttl[p->side] = p->ttl;
  cold->traffic_class[p->side] = p->traffic_class;
  cold->start[p->side] = p->sequence;
  set_tcp_state(cold, p->side, SYN_SENT);
  append_history(w, entry, p->side, LETTER_SYN);
  read_options(w, cold, p);
}

OUT_OF_LINE void update(struct reference_worker *w, const struct parsed *p, uint64_t hash, uint32_t candidate,
                int64_t clock) {
  uint32_t entry = find(w, &p->key, hash, candidate);
  if (UNLIKELY(entry == NONE)) {
    entry = begin(w, p, hash, clock);
    if (is_plain_syn(p)) {
      begin_with_syn(w, entry, p);
      if (UNLIKELY(p->flags & BEYOND_FRAME)) unusual(w);
      return;
    }
  } else {
    int64_t now = clock > p->time ? clock : p->time;
    if (UNLIKELY(now - w->hot[entry].last_seen >= w->shortest))
      entry = after_silence(w, entry, p, hash, clock);
  }
  if (UNLIKELY((p->tcp_flags & (SYN | ACK)) == SYN) && is_reuse(w, entry, p))
    entry = begin_again(w, entry, p, hash, clock);
  struct hot *hot = &w->hot[entry];
  struct side *side = &hot->sides[p->side];
  side->packets++;
  side->bytes += p->wire_length;
  side->ip_bytes += p->ip_length;
  if (LIKELY(p->time >= hot->last_seen)) hot->last_seen = p->time;
  else w->counters[REFERENCE_TIME_WENT_BACKWARDS]++;
  if (UNLIKELY(side->packets == 1)) first_of_side(w, entry, p);
  if (LIKELY(p->key.proto == TCP)) update_tcp(w, entry, hot, side, p);
  else update_other(w, entry, side, p);
  if (UNLIKELY(p->flags & (BAD_TRANSPORT | BEYOND_FRAME))) unusual(w);
}

// --- A burst: FlowWorker.swift -------------------------------------------------------------------------

HOT uint32_t receive_burst(struct reference_worker *w, struct martlet_rx_queue *queue) {
  uint32_t count = queue->receive(queue->context, w->packets, BURST);
  w->counters[REFERENCE_POLLS]++;
  return w->count = count;
}

// `plain`, a constant where this is called: all packets are this worker's and wanted, on the burst's clock.
HOT void parse_packets(struct reference_worker *w, uint32_t count, int64_t now, int plain) {
  // Copies in registers: a store through uint8_t may alias whatever is behind a pointer.
  const struct martlet_packet *packet = w->packets;
  struct parsed *out = w->parsed;
  uint64_t bytes = 0, clocks = 0, ordinal = w->ordinal;
  for (uint32_t i = 0; i < count; i++, packet++, out++) {
    if (!plain && packet->flags & MARTLET_PACKET_CLOCK) {
      w->verdicts[i] = CLOCK;
      clocks++;
      continue;
    }
    out->ordinal = !plain && w->on_packet_time ? packet->ordinal : ordinal + i;
    if (!plain && w->filter && !w->filter(packet)) {
      w->counters[REFERENCE_FILTERED]++;
      w->verdicts[i] = DONE;
      continue;
    }
    enum verdict verdict =
        parse(w, packet, out, &w->hashes[i], !plain && w->on_packet_time ? 0 : now);
    bytes += out->wire_length;
    w->verdicts[i] = (uint8_t)verdict;
    if (LIKELY(verdict == FLOW && (plain || (!w->verifies && w->workers <= 1)))) {
      martlet_prefetch(home_bucket(w, w->hashes[i]));
    } else if (verdict == DISCARDED) {
      w->counters[REFERENCE_DISCARDED]++;
    } else {
      unusual(w);
    }
  }
  w->ordinal += count - clocks;
  w->counters[REFERENCE_RECEIVED] += count - clocks;
  w->counters[REFERENCE_RECEIVED_BYTES] += bytes;
}

HOT void parse_burst(struct reference_worker *w, uint32_t count, int64_t now) {
  if (!w->filter && !w->on_packet_time && w->workers <= 1 && !w->verifies)
    parse_packets(w, count, now, 1);
  else
    parse_packets(w, count, now, 0);
}

// As many entries on their way as keep the memory at work.
enum { ON_THEIR_WAY = 16 };

HOT void prefetch_entry(struct reference_worker *w, uint32_t i) {
  if (LIKELY(w->verdicts[i] == FLOW)) w->candidates[i] = prefetch_candidate(w, w->hashes[i]);
}

// As ON_THEIR_WAY, once the hot half has had time to come, which tells whether the cold one is wanted.
enum { COLD_ON_ITS_WAY = 6 };

HOT void prefetch_cold(struct reference_worker *w, uint32_t i) {
  const uint32_t candidate = w->candidates[i];
  if (UNLIKELY(w->verdicts[i] != FLOW) || candidate == NONE) return;
  const struct parsed *p = w->parsed + i;
  if (p->control != ACK || (w->hot[candidate].sides[p->side].history & p->letter) == 0) {
    const uint8_t *cold = (const uint8_t *)(w->cold + candidate);
    martlet_prefetch_write(cold);
    martlet_prefetch_write(cold + 64);
  }
}

HOT void update_burst(struct reference_worker *w, uint32_t count, int64_t now) {
  const struct parsed *p = w->parsed;
  const int on_packet_time = w->on_packet_time;
  uint64_t bytes = 0, counted = 0;
  for (uint32_t i = 0; i < count && i < ON_THEIR_WAY; i++) prefetch_entry(w, i);
  for (uint32_t i = 0; i < count; i++, p++) {
    if (i + ON_THEIR_WAY < count) prefetch_entry(w, i + ON_THEIR_WAY);
    if (i + COLD_ON_ITS_WAY < count) prefetch_cold(w, i + COLD_ON_ITS_WAY);
    int64_t clock = on_packet_time ? (int64_t)w->packets[i].clock_ns : now;
    if (UNLIKELY(w->verdicts[i] != FLOW)) continue;
    if (UNLIKELY(!update_known(w, p, w->candidates[i], clock)))
      update(w, p, w->hashes[i], w->candidates[i], clock);
    counted++;
    bytes += p->wire_length;
  }
  w->counters[REFERENCE_COUNTED_IN_FLOWS] += counted;
  w->counters[REFERENCE_COUNTED_BYTES] += bytes;
}

// Nothing is held beyond its burst here, so all handles go back.
HOT void release_burst(struct reference_worker *w, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) w->handles[i] = w->packets[i].handle;
  w->release(w->release_context, w->handles, count);
}

uint32_t reference_poll(struct reference_worker *w, struct martlet_rx_queue *queue, int64_t now) {
  uint32_t count = receive_burst(w, queue);
  if (count == 0) {
    w->counters[REFERENCE_EMPTY_POLLS]++;
    return 0;
  }
  parse_burst(w, count, now);
  update_burst(w, count, now);
  release_burst(w, count);
  return count;
}

void reference_housekeep(struct reference_worker *w, int64_t now) {
  if (now >> TICK_SHIFT > w->tick) expire_due(w, now, 64);
  if (UNLIKELY(w->fragments_oldest != w->fragments_newest)) unusual(w);
  if (UNLIKELY(martlet_load_relaxed(w->scan_page) != w->scan_bell)) unusual(w);
}

int reference_drain(struct reference_worker *w, int64_t now, uint32_t *cursor) {
  for (; *cursor < w->capacity; ++*cursor) {
    if (w->free_count == w->capacity) return 1;
    if (!(w->hot[*cursor].flags & LIVE)) continue;
    if (w->tail - martlet_load_acquire(&w->head) > w->record_mask) return 0;
    w->counters[REFERENCE_ENDED_FORCED]++;
    cancel(w, *cursor);
    emit_and_remove(w, *cursor, END_FORCED, now);
  }
  return 1;
}

// --- Stages alone -----------------------------------------------------------------------------------

void reference_receive(struct reference_worker *w, struct martlet_rx_queue *queue) {
  receive_burst(w, queue);
}
void reference_parse(struct reference_worker *w, int64_t now) { parse_burst(w, w->count, now); }
void reference_update(struct reference_worker *w, int64_t now) { update_burst(w, w->count, now); }
void reference_give_back(struct reference_worker *w) { release_burst(w, w->count); }

// --- Records, counters, start -------------------------------------------------------------------------

size_t reference_available(struct reference_worker *w) {
  if (w->tail_seen == w->head) w->tail_seen = martlet_load_acquire(&w->tail);
  return w->tail_seen - w->head;
}
const void *reference_peek(struct reference_worker *w, size_t offset) {
  return &w->records[(w->head + offset) & w->record_mask];
}
void reference_release(struct reference_worker *w, size_t count) {
  martlet_store_release(&w->head, w->head + count);
}
uint64_t reference_count(const struct reference_worker *w, enum reference_counter counter) {
  return w->counters[counter];
}
uint32_t reference_live(const struct reference_worker *w) { return w->capacity - w->free_count; }

// Over memory that is not there yet it only adds up.
static void *cut(uintptr_t memory, size_t *used, size_t bytes) {
  void *piece = (void *)(memory + *used);
  *used += (bytes + 127) & ~(size_t)127;
  return piece;
}

static struct reference_worker *lay_out(uintptr_t memory, const struct reference_settings *s,
                                        size_t *used, struct reference_worker *fields) {
  size_t buckets = ((size_t)s->capacity + 4) / 5;
  if (buckets < 8) buckets = 8;
  struct reference_worker *worker = cut(memory, used, sizeof *worker);
  fields->bucket_count = buckets;
  fields->buckets = cut(memory, used, buckets * sizeof(struct bucket));
  fields->hot = cut(memory, used, s->capacity * sizeof(struct hot));
  fields->cold = cut(memory, used, s->capacity * sizeof(struct cold));
  fields->free = cut(memory, used, s->capacity * sizeof(uint32_t));
  fields->heads = cut(memory, used, SLOTS * sizeof(uint32_t));
  fields->occupied = cut(memory, used, SLOTS / 8);
  fields->records = cut(memory, used, s->ring_slots * sizeof(struct record));
  fields->packets = cut(memory, used, BURST * sizeof(struct martlet_packet));
  fields->parsed = cut(memory, used, BURST * sizeof(struct parsed));
  fields->scan_page = cut(memory, used, 64);
  return worker;
}

size_t reference_bytes(const struct reference_settings *settings) {
  struct reference_worker fields;
  size_t used = 0;
  lay_out(0, settings, &used, &fields);
  return used;
}

struct reference_worker *reference_create(void *memory, const struct reference_settings *settings,
                                          martlet_release_fn release, void *release_context,
                                          int64_t now) {
  struct reference_worker fields = {0};
  size_t used = 0;
  struct reference_worker *w = lay_out((uintptr_t)memory, settings, &used, &fields);
  *w = fields;
  w->settings = *settings;
  w->capacity = w->free_count = settings->capacity;
  for (uint32_t i = 0; i < w->capacity; i++) w->free[i] = w->capacity - 1 - i;
  for (uint32_t i = 0; i < SLOTS; i++) w->heads[i] = NONE;
  w->record_mask = settings->ring_slots - 1;
  w->tick = now >> TICK_SHIFT;
  w->workers = 1;
  const int64_t all[] = {settings->tcp, settings->udp, settings->icmp, settings->other,
                         settings->half_open, settings->closed};
  w->shortest = all[0];
  for (int i = 1; i < 6; i++)
    if (all[i] < w->shortest) w->shortest = all[i];
  w->release = release;
  w->release_context = release_context;
  return w;
}
