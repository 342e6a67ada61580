// Says what a capture file holds, one "name<TAB>number" a line: the truth that check-flows compares
// with, counted by nothing but this file and frames.h.
//
//   describe FILE      classic pcap, microseconds, Ethernet, this machine's byte order
//
// Counted are outermost headers. A conversation is a biflow of addresses, protocol and ports
// without any timeout (ports 0 where there are none, and in fragments); it lives from its first
// packet to its last.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frames.h"

struct conversation {
  uint8_t low[18], high[18]; // address and port of the lesser end and of the greater
  uint8_t version, protocol, used;
  uint64_t first, last; // microseconds
};

static struct conversation *table;
static uint64_t table_room = 1 << 16, table_count;

static _Noreturn void fail(const char *what, const char *which) {
  fprintf(stderr, "describe: %s: %s\n", which, what);
  exit(1);
}

static uint64_t hash_of(const struct conversation *key) {
  const uint8_t *p = (const uint8_t *)key;
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < offsetof(struct conversation, used); i++) {
    hash = (hash ^ p[i]) * 0x100000001b3; // FNV-1a
  }
  return hash ^ hash >> 32;
}

// The place of `key`, or the free one where it belongs.
static struct conversation *place_of(const struct conversation *key) {
  uint64_t at = hash_of(key) & (table_room - 1);
  while (table[at].used && memcmp(&table[at], key, offsetof(struct conversation, used)) != 0) {
    at = (at + 1) & (table_room - 1);
  }
  return &table[at];
}

static void grow(void) {
  struct conversation *old = table;
  const uint64_t old_room = table_room;
  table_room *= 2;
  table = calloc(table_room, sizeof *table);
  if (!table) fail(strerror(errno), "memory");
  for (uint64_t i = 0; i < old_room; i++) {
    if (old[i].used) *place_of(&old[i]) = old[i];
  }
  free(old);
}

static void count_conversation(const struct ip_packet *ip, const uint8_t *transport,
                               uint32_t length, uint64_t time) {
  struct conversation key = {.version = ip->version, .protocol = ip->protocol};
  uint8_t ends[2][18] = {{0}};
  memcpy(ends[0], ip->addresses, ip->address_bytes);
  memcpy(ends[1], ip->addresses + ip->address_bytes, ip->address_bytes);
  const bool has_ports = ip->protocol == PROTOCOL_TCP || ip->protocol == PROTOCOL_UDP ||
                         ip->protocol == PROTOCOL_SCTP || ip->protocol == PROTOCOL_DCCP ||
                         ip->protocol == PROTOCOL_UDPLITE;
  if (has_ports && !ip->fragment && length >= 4) {
    memcpy(ends[0] + 16, transport, 2);
    memcpy(ends[1] + 16, transport + 2, 2);
  }
  const int low = memcmp(ends[0], ends[1], sizeof ends[0]) <= 0 ? 0 : 1;
  memcpy(key.low, ends[low], sizeof key.low);
  memcpy(key.high, ends[1 - low], sizeof key.high);

  if (table_count * 2 >= table_room) grow();
  struct conversation *found = place_of(&key);
  if (!found->used) {
    *found = key;
    found->used = 1;
    found->first = time;
    table_count++;
  }
  found->last = time;
}

static int by_number(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

// How many conversations live at once, at the most.
static uint64_t most_at_once(void) {
  uint64_t *begins = malloc(table_count * 8 + 8), *ends = malloc(table_count * 8 + 8);
  if (!begins || !ends) fail(strerror(errno), "memory");
  uint64_t n = 0;
  for (uint64_t i = 0; i < table_room; i++) {
    if (!table[i].used) continue;
    begins[n] = table[i].first;
    ends[n++] = table[i].last;
  }
  qsort(begins, n, 8, by_number);
  qsort(ends, n, 8, by_number);
  uint64_t most = 0;
  for (uint64_t begun = 0, ended = 0; begun < n;) {
    if (begins[begun] <= ends[ended]) {
      begun++;
      if (begun - ended > most) most = begun - ended;
    } else {
      ended++;
    }
  }
  free(begins);
  free(ends);
  return most;
}

int main(int argc, char **argv) {
  if (argc != 2) fail("describe FILE", "usage");
  const int descriptor = open(argv[1], O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (descriptor < 0 || fstat(descriptor, &status) != 0) fail(strerror(errno), argv[1]);
  const uint64_t size = (uint64_t)status.st_size;
  struct pcap_file header;
  if (size < sizeof header) fail("too short for a capture", argv[1]);
  const uint8_t *file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (file == MAP_FAILED) fail(strerror(errno), argv[1]);
  memcpy(&header, file, sizeof header);
  if (header.magic != PCAP_MAGIC || (header.linktype & 0x0fffffff) != LINKTYPE_ETHERNET) {
    fail("not a pcap of Ethernet in microseconds: convert it with editcap -F pcap", argv[1]);
  }
  table = calloc(table_room, sizeof *table);
  if (!table) fail(strerror(errno), "memory");

  uint64_t packets = 0, frame_bytes = 0, wire_bytes = 0, ipv4 = 0, ipv6 = 0, ip_bytes = 0,
           ip_frame_bytes = 0, tcp = 0, udp = 0, icmp = 0, fragments = 0, malformed = 0;
  uint64_t first = 0, last = 0, at = sizeof header;
  while (at < size) {
    struct pcap_record record;
    if (size - at < sizeof record) fail("cut in a record's header", argv[1]);
    memcpy(&record, file + at, sizeof record);
    at += sizeof record;
    if (record.captured > size - at) fail("cut in a packet", argv[1]);
    const uint8_t *frame = file + at;
    at += record.captured;

    const uint64_t time = record.seconds * 1000000ull + record.microseconds;
    if (packets == 0) first = time;
    last = time;
    packets++;
    frame_bytes += record.captured;
    wire_bytes += record.wire;
    const struct layer3 found = find_layer3(frame, record.captured);
    if (found.ethertype != ETHERTYPE_IPV4 && found.ethertype != ETHERTYPE_IPV6) continue;
    const uint32_t there = record.captured - found.offset;
    const struct ip_packet ip = parse_ip(frame + found.offset, there);
    if (ip.version == 0) {
      malformed++;
      continue;
    }
    ipv4 += ip.version == 4;
    ipv6 += ip.version == 6;
    ip_bytes += ip.declared ? ip.declared : there;
    ip_frame_bytes += record.wire;
    tcp += ip.protocol == PROTOCOL_TCP;
    udp += ip.protocol == PROTOCOL_UDP;
    icmp += ip.protocol == PROTOCOL_ICMP || ip.protocol == PROTOCOL_ICMPV6;
    fragments += ip.fragment;
    count_conversation(&ip, frame + found.offset + ip.header, there - ip.header, time);
  }

  const struct {
    const char *name;
    uint64_t value;
  } results[] = {
      {"file_bytes", size},
      {"packets", packets},
      {"frame_bytes", frame_bytes},
      {"wire_bytes", wire_bytes},
      {"span_us", last - first},
      {"ip_packets", ipv4 + ipv6},
      {"ip_bytes", ip_bytes},
      {"ip_frame_bytes", ip_frame_bytes},
      {"ipv4_packets", ipv4},
      {"ipv6_packets", ipv6},
      {"tcp_packets", tcp},
      {"udp_packets", udp},
      {"icmp_packets", icmp},
      {"fragments", fragments},
      {"ip_malformed", malformed},
      {"conversations", table_count},
      {"conversations_at_once", most_at_once()},
  };
  for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
    printf("%s\t%llu\n", results[i].name, (unsigned long long)results[i].value);
  }
  return 0;
}
