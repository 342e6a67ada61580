// A capture's frames played again and again, each pass with addresses of its own.
//
//     arena  | frame | frame | …                              as they were captured, one behind the other
//     frames | place, length, where its addresses are | …     in the order of the capture
//
// A frame is copied to where it goes, and changed there: its lines are that core's by then.
#include "linerate.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "../../compare/readdress.h"

// How a frame's addresses are changed.
enum shape {
  SHAPE_ANY,        // by looking at all its headers
  SHAPE_IPV4,       // one IPv4 header, and a checksum of TCP or UDP, or none
  SHAPE_IPV6,
};

struct frame {
  uint64_t at;
  uint16_t length;
  uint16_t network;   // offset of the IP header
  uint16_t checksum;  // offset of the transport's; 0: none that covers the addresses
  uint8_t shape;
  bool udp;
};

struct linerate_replay {
  uint8_t *arena;
  uint64_t used, room;
  struct frame *frames;
  uint32_t count, capacity;
  uint32_t next, pass;
  uint32_t plain;
};

struct linerate_replay *linerate_replay_create(uint64_t bytes, uint32_t frames) {
  struct linerate_replay *replay = calloc(1, sizeof *replay);
  if (!replay) return NULL;
  replay->frames = calloc(frames, sizeof *replay->frames);
  void *arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!replay->frames || arena == MAP_FAILED) {
    if (arena != MAP_FAILED) munmap(arena, bytes);
    free(replay->frames);
    free(replay);
    return NULL;
  }
  madvise(arena, bytes, MADV_HUGEPAGE);
  replay->arena = arena;
  replay->room = bytes;
  replay->capacity = frames;
  replay->pass = 1;
  return replay;
}

uint32_t linerate_passes(void) { return READDRESS_PASSES; }

void linerate_readdress(uint8_t *frame, uint32_t length, uint32_t pass) {
  change_ethernet(frame, length, pass, READDRESS_DEPTH);
}

bool linerate_is_fixed(const uint8_t *frame, uint32_t length) {
  uint8_t changed[LINERATE_LONGEST_FRAME];
  const struct layer3 found = find_layer3(frame, length);
  if (length > sizeof changed) return false;
  if (found.ethertype != ETHERTYPE_IPV4 && found.ethertype != ETHERTYPE_IPV6) return false;
  memcpy(changed, frame, length);
  linerate_readdress(changed, length, 1);
  return memcmp(changed, frame, length) == 0;
}

// The short way, for frames that have nothing but what `frame` says.
static inline void change_plain(uint8_t *bytes, const struct frame *frame, uint32_t pass) {
  uint8_t *ip = bytes + frame->network;
  uint16_t pseudo;
  if (frame->shape == SHAPE_IPV4) {
    pseudo = add(change_ipv4(ip + 12, pass), change_ipv4(ip + 16, pass));
    store16(ip + 10, followed(load16(ip + 10), pseudo));
  } else {
    pseudo = add(change_ipv6(ip + 8, pass), change_ipv6(ip + 24, pass));
  }
  if (frame->checksum == 0) return;
  uint8_t *p = bytes + frame->checksum;
  const uint16_t old = load16(p);
  if (frame->udp && old == 0) return;  // none was computed
  const uint16_t checksum = followed(old, pseudo);
  store16(p, frame->udp && checksum == 0 ? 0xffff : checksum);
}

// Finds the short way, and keeps it where it gives what looking at all headers gives.
static void classify(struct frame *frame, const uint8_t *bytes) {
  static const uint32_t trials[] = {1, 255, 256, 0x1234, READDRESS_PASSES - 1};
  uint8_t by_shape[LINERATE_LONGEST_FRAME], by_headers[LINERATE_LONGEST_FRAME];
  const uint32_t length = frame->length;
  const struct layer3 found = find_layer3(bytes, length);
  if (found.ethertype != ETHERTYPE_IPV4 && found.ethertype != ETHERTYPE_IPV6) return;
  const struct ip_packet ip = parse_ip(bytes + found.offset, length - found.offset);
  if (ip.version == 0) return;
  frame->network = (uint16_t)found.offset;
  if (ip.first && (ip.protocol == PROTOCOL_TCP || ip.protocol == PROTOCOL_UDP)) {
    frame->udp = ip.protocol == PROTOCOL_UDP;
    const uint32_t at = found.offset + ip.header + (frame->udp ? 6 : 16);
    if (at + 2 > length) return;
    frame->checksum = (uint16_t)at;
  }
  frame->shape = ip.version == 4 ? SHAPE_IPV4 : SHAPE_IPV6;
  for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
    memcpy(by_shape, bytes, length);
    memcpy(by_headers, bytes, length);
    change_plain(by_shape, frame, trials[i]);
    linerate_readdress(by_headers, length, trials[i]);
    if (memcmp(by_shape, by_headers, length) != 0) {
      frame->shape = SHAPE_ANY;
      return;
    }
  }
}

bool linerate_replay_add(struct linerate_replay *replay, const uint8_t *frame, uint32_t length) {
  if (length > LINERATE_LONGEST_FRAME || replay->count == replay->capacity ||
      length > replay->room - replay->used)
    return false;
  struct frame *added = &replay->frames[replay->count++];
  *added = (struct frame){.at = replay->used, .length = (uint16_t)length};
  memcpy(replay->arena + replay->used, frame, length);
  replay->used += length;
  classify(added, frame);
  replay->plain += added->shape != SHAPE_ANY;
  return true;
}

static inline void advance(struct linerate_replay *replay) {
  if (++replay->next < replay->count) return;
  replay->next = 0;
  if (++replay->pass == READDRESS_PASSES) replay->pass = 1;
}

uint32_t linerate_replay_next(struct linerate_replay *replay, uint8_t *room) {
  const struct frame *frame = &replay->frames[replay->next];
  memcpy(room, replay->arena + frame->at, frame->length);
  if (frame->shape != SHAPE_ANY) change_plain(room, frame, replay->pass);
  else linerate_readdress(room, frame->length, replay->pass);
  advance(replay);
  return frame->length;
}

uint64_t linerate_replay_fill(struct linerate_replay *replay, struct linerate_burst *burst,
                              uint32_t count) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < count; i++) {
    burst->lengths[i] = (uint16_t)linerate_replay_next(replay, burst->frames[i]);
    bytes += burst->lengths[i];
  }
  return bytes;
}

uint64_t linerate_replay_skip(struct linerate_replay *replay, uint32_t count) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < count; i++) {
    bytes += replay->frames[replay->next].length;
    advance(replay);
  }
  return bytes;
}

uint32_t linerate_replay_plain(const struct linerate_replay *replay) { return replay->plain; }

void linerate_replay_destroy(struct linerate_replay *replay) {
  if (!replay) return;
  munmap(replay->arena, replay->room);
  free(replay->frames);
  free(replay);
}
