// Joins many captures into one big file whose flows live side by side: the input of bench/compare.
//
//   mix --output FILE --bytes N [--lanes N] [--gap-us N] [--cap-packets N] [--cap-bytes N]
//       [--longest N] <LIST
//
// LIST holds the path of a capture on each line (pcap or pcapng, Ethernet). The captures are played
// in that order, again and again, on lanes side by side: a lane takes the next capture as soon as
// its last has ended, so a pass has no seam.
//
//     lane 0   |--- a ---|-- d --|------- e ...
//     lane 1   |- b -|----- c ------|- f ...          merged by time
//
// Within a capture the packets keep their distances, cut down to --gap-us. Pass n has its own
// addresses (readdress.h). The file ends with a whole pass. The same list and options give the same bytes.
//
// Left out: captures that cannot be read to their end, hold another link type, a frame that was cut,
// an IP packet whose header does not agree with its frame, or a frame of more than --longest bytes;
// frames of more than 65,535 bytes or with more bytes than were on the wire. What was left out is counted on standard output.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "readdress.h"

#define FIRST_SECOND 1700000000ull
#define MAX_INTERFACES 256

struct frame {
  uint64_t at; // in the arena
  uint32_t length;
  uint32_t gap; // microseconds since the frame before
};

struct capture {
  uint32_t first, count; // frames
};

static uint8_t *arena;
static uint64_t arena_used, arena_room;
static struct frame *frames;
static uint32_t frame_count, frame_room;
static struct capture *captures;
static uint32_t capture_count, capture_room;

static uint64_t cap_packets = 5000, cap_bytes = 4 << 20, gap_limit = 100000;
static uint64_t longest = 65535;

static struct {
  uint64_t unreadable, other_link, cut, lying, longer, empty, frames_skipped, capped;
} left_out;

static _Noreturn void fail(const char *what, const char *which) {
  fprintf(stderr, "mix: %s: %s\n", which, what);
  exit(1);
}

static void *grown(void *memory, uint64_t bytes) {
  void *made = realloc(memory, bytes);
  if (!made) fail(strerror(errno), "memory");
  return made;
}

// ---- Reading ------------------------------------------------------------------------------------

enum verdict { TAKEN, FULL, UNREADABLE, OTHER_LINK, CUT, LYING, LONGER };

// A capture while it is read: times in units of 1/`resolution` s are turned into microseconds.
struct reading {
  uint64_t packets, bytes, last;
};

static uint64_t microseconds(uint64_t ticks, uint64_t resolution) {
  return ticks / resolution * 1000000 +
         (uint64_t)((double)(ticks % resolution) * 1e6 / (double)resolution);
}

static enum verdict take(struct reading *reading, const uint8_t *bytes, uint32_t captured,
                         uint32_t wire, uint64_t time) {
  if (wire < captured || wire > 65535 || captured < 14) {
    left_out.frames_skipped++;
    return TAKEN;
  }
  if (wire > captured) return CUT;
  if (wire > longest) return LONGER;
  const struct layer3 found = find_layer3(bytes, captured);
  if (found.ethertype == ETHERTYPE_IPV4 || found.ethertype == ETHERTYPE_IPV6) {
    const uint32_t there = captured - found.offset;
    const struct ip_packet ip = parse_ip(bytes + found.offset, there);
    if (ip.version == 0 || ip.declared > there) return LYING;
    if (ip.declared != 0 && ip.declared < ip.header) return LYING;
  }
  if (reading->packets == cap_packets || reading->bytes + captured > cap_bytes) return FULL;

  uint64_t gap = reading->packets > 0 && time > reading->last ? time - reading->last : 0;
  if (gap > gap_limit) gap = gap_limit;
  reading->last = time;
  reading->packets++;
  reading->bytes += captured;

  if (arena_used + captured > arena_room) {
    arena_room = (arena_used + captured) * 2 + (1 << 20);
    arena = grown(arena, arena_room);
  }
  if (frame_count == frame_room) {
    frame_room = frame_room * 2 + 4096;
    frames = grown(frames, frame_room * sizeof *frames);
  }
  memcpy(arena + arena_used, bytes, captured);
  frames[frame_count++] = (struct frame){arena_used, captured, (uint32_t)gap};
  arena_used += captured;
  return TAKEN;
}

static uint32_t number32(const uint8_t *p, bool swapped) {
  uint32_t value;
  memcpy(&value, p, 4);
  return swapped ? __builtin_bswap32(value) : value;
}

static uint16_t number16(const uint8_t *p, bool swapped) {
  uint16_t value;
  memcpy(&value, p, 2);
  return swapped ? __builtin_bswap16(value) : value;
}

static enum verdict read_pcap(const uint8_t *file, uint64_t size, struct reading *reading) {
  if (size < 24) return UNREADABLE;
  uint32_t magic = number32(file, false);
  const bool swapped = magic == __builtin_bswap32(PCAP_MAGIC) ||
                       magic == __builtin_bswap32(PCAP_MAGIC_NANOSECONDS);
  if (swapped) magic = __builtin_bswap32(magic);
  if (magic != PCAP_MAGIC && magic != PCAP_MAGIC_NANOSECONDS) return UNREADABLE;
  if ((number32(file + 20, swapped) & 0x0fffffff) != LINKTYPE_ETHERNET) return OTHER_LINK;
  const uint32_t divisor = magic == PCAP_MAGIC_NANOSECONDS ? 1000 : 1;
  uint64_t at = 24;
  while (at < size) {
    if (size - at < 16) return UNREADABLE;
    const uint32_t seconds = number32(file + at, swapped);
    const uint32_t fraction = number32(file + at + 4, swapped);
    const uint32_t captured = number32(file + at + 8, swapped);
    const uint32_t wire = number32(file + at + 12, swapped);
    if (captured > size - at - 16) return UNREADABLE;
    const enum verdict verdict = take(reading, file + at + 16, captured, wire,
                                      seconds * 1000000ull + fraction / divisor);
    if (verdict != TAKEN) return verdict;
    at += 16 + captured;
  }
  return TAKEN;
}

// if_tsresol of an interface description block's options: ticks in a second.
static uint64_t resolution_of(const uint8_t *options, uint32_t length, bool swapped) {
  uint32_t at = 0;
  while (length - at >= 4) {
    const uint16_t code = number16(options + at, swapped);
    const uint16_t bytes = number16(options + at + 2, swapped);
    if (code == 0 || bytes > length - at - 4) break;
    if (code == 9 && bytes == 1) {
      const uint8_t value = options[at + 4];
      const uint8_t exponent = value & 0x7f;
      if (value & 0x80) return exponent < 63 ? 1ull << exponent : 0;
      uint64_t ticks = 1;
      for (uint8_t i = 0; i < exponent && exponent < 19; i++) ticks *= 10;
      return exponent < 19 ? ticks : 0;
    }
    at += 4 + (bytes + 3u) / 4u * 4u;
    if (at > length) break;
  }
  return 1000000;
}

static enum verdict read_pcapng(const uint8_t *file, uint64_t size, struct reading *reading) {
  struct {
    uint16_t linktype;
    uint64_t resolution;
  } interfaces[MAX_INTERFACES];
  uint32_t interface_count = 0;
  bool swapped = false;
  uint64_t at = 0;
  while (at < size) {
    if (size - at < 12) return UNREADABLE;
    const uint8_t *block = file + at;
    if (number32(block, false) == 0x0a0d0d0a) {
      swapped = number32(block + 8, false) == 0x4d3c2b1a;
      if (!swapped && number32(block + 8, false) != 0x1a2b3c4d) return UNREADABLE;
      interface_count = 0;
    }
    const uint32_t type = number32(block, swapped);
    const uint32_t length = number32(block + 4, swapped);
    if (length < 12 || length % 4 != 0 || length > size - at) return UNREADABLE;
    if (type == 1) {
      if (length < 20 || interface_count == MAX_INTERFACES) return UNREADABLE;
      const uint64_t resolution = resolution_of(block + 16, length - 20, swapped);
      if (resolution == 0) return UNREADABLE;
      interfaces[interface_count].linktype = number16(block + 8, swapped);
      interfaces[interface_count++].resolution = resolution;
    } else if (type == 6 || type == 2) { // enhanced packet block, and its predecessor
      if (length < 32) return UNREADABLE;
      const uint32_t interface = type == 6 ? number32(block + 8, swapped)
                                           : number16(block + 8, swapped);
      const uint32_t captured = number32(block + 20, swapped);
      if (interface >= interface_count || captured > length - 32) return UNREADABLE;
      if (interfaces[interface].linktype != LINKTYPE_ETHERNET) return OTHER_LINK;
      const uint64_t ticks =
          (uint64_t)number32(block + 12, swapped) << 32 | number32(block + 16, swapped);
      const enum verdict verdict =
          take(reading, block + 28, captured, number32(block + 24, swapped),
               microseconds(ticks, interfaces[interface].resolution));
      if (verdict != TAKEN) return verdict;
    } else if (type == 3) { // simple packet block: has no time
      if (length < 16 || interface_count == 0) return UNREADABLE;
      if (interfaces[0].linktype != LINKTYPE_ETHERNET) return OTHER_LINK;
      const uint32_t wire = number32(block + 8, swapped);
      const uint32_t captured = wire < length - 16 ? wire : length - 16;
      const enum verdict verdict = take(reading, block + 12, captured, wire, reading->last);
      if (verdict != TAKEN) return verdict;
    }
    at += length;
  }
  return TAKEN;
}

static void read_capture(const char *path) {
  FILE *stream = fopen(path, "rb");
  if (!stream) fail(strerror(errno), path);
  uint8_t *file = NULL;
  uint64_t size = 0, room = 0;
  for (;;) {
    if (size == room) {
      room = room * 2 + (1 << 16);
      file = grown(file, room);
    }
    const size_t got = fread(file + size, 1, room - size, stream);
    if (got == 0) break;
    size += got;
  }
  if (ferror(stream)) fail(strerror(errno), path);
  fclose(stream);

  const uint32_t first = frame_count;
  const uint64_t arena_before = arena_used;
  struct reading reading = {0};
  enum verdict verdict = UNREADABLE;
  if (size >= 12) {
    verdict = number32(file, false) == 0x0a0d0d0a ? read_pcapng(file, size, &reading)
                                                  : read_pcap(file, size, &reading);
  }
  free(file);

  left_out.unreadable += verdict == UNREADABLE;
  left_out.other_link += verdict == OTHER_LINK;
  left_out.cut += verdict == CUT;
  left_out.lying += verdict == LYING;
  left_out.longer += verdict == LONGER;
  left_out.capped += verdict == FULL;
  if (verdict != TAKEN && verdict != FULL) {
    frame_count = first;
    arena_used = arena_before;
    return;
  }
  if (frame_count == first) {
    left_out.empty++;
    return;
  }
  if (capture_count == capture_room) {
    capture_room = capture_room * 2 + 256;
    captures = grown(captures, capture_room * sizeof *captures);
  }
  captures[capture_count++] = (struct capture){first, frame_count - first};
}

// ---- Lanes and output ---------------------------------------------------------------------------

struct lane {
  uint64_t time; // of its next frame, microseconds
  uint32_t index; // breaks ties, so that the order is settled
  uint32_t pass, next, end; // frames
};

static bool earlier(const struct lane *a, const struct lane *b) {
  return a->time != b->time ? a->time < b->time : a->index < b->index;
}

// A binary heap with the earliest lane on top: puts its top where it belongs.
static void sift(struct lane *heap, uint32_t count) {
  uint32_t at = 0;
  for (;;) {
    uint32_t least = at;
    for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
      if (earlier(&heap[child], &heap[least])) least = child;
    }
    if (least == at) return;
    const struct lane moved = heap[at];
    heap[at] = heap[least];
    heap[least] = moved;
    at = least;
  }
}

static int output;
static uint8_t out[4 << 20];
static size_t out_used;

static void flush(void) {
  size_t at = 0;
  while (at < out_used) {
    const ssize_t wrote = write(output, out + at, out_used - at);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail(strerror(errno), "output");
    at += (size_t)wrote;
  }
  out_used = 0;
}

static void put(const struct frame *frame, uint64_t time, uint32_t pass) {
  if (sizeof out - out_used < sizeof(struct pcap_record) + frame->length) flush();
  const struct pcap_record record = {(uint32_t)(FIRST_SECOND + time / 1000000),
                                     (uint32_t)(time % 1000000), frame->length, frame->length};
  memcpy(out + out_used, &record, sizeof record);
  uint8_t *bytes = out + out_used + sizeof record;
  memcpy(bytes, arena + frame->at, frame->length);
  if (pass > 0) change_ethernet(bytes, frame->length, pass, READDRESS_DEPTH);
  out_used += sizeof record + frame->length;
}

// Plays all passes; answers the time of the last frame, microseconds.
static uint64_t play(uint32_t lane_count, uint32_t passes) {
  const uint64_t jobs = (uint64_t)passes * capture_count;
  uint64_t job = 0;
  struct lane *heap = grown(NULL, lane_count * sizeof *heap);
  uint32_t live = 0;
  for (; live < lane_count && job < jobs; live++, job++) {
    const struct capture *capture = &captures[job % capture_count];
    heap[live] = (struct lane){live, live, (uint32_t)(job / capture_count), capture->first,
                               capture->first + capture->count};
  }
  uint64_t last = 0;
  while (live > 0) {
    struct lane *lane = &heap[0];
    put(&frames[lane->next], lane->time, lane->pass);
    last = lane->time;
    if (++lane->next < lane->end) {
      lane->time += frames[lane->next].gap;
    } else if (job < jobs) {
      const struct capture *capture = &captures[job % capture_count];
      lane->time++;
      lane->pass = (uint32_t)(job++ / capture_count);
      lane->next = capture->first;
      lane->end = capture->first + capture->count;
    } else {
      *lane = heap[--live];
    }
    sift(heap, live);
  }
  flush();
  free(heap);
  return last;
}

static uint64_t number(const char *option, const char *text) {
  char *end;
  errno = 0;
  const unsigned long long value = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != 0 || value == 0) fail("no positive number", option);
  return value;
}

int main(int argc, char **argv) {
  const char *path = NULL;
  uint64_t bytes_wanted = 0, lane_count = 64;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) fail("needs a value", argv[i]);
    const char *option = argv[i], *value = argv[i + 1];
    if (strcmp(option, "--output") == 0) path = value;
    else if (strcmp(option, "--bytes") == 0) bytes_wanted = number(option, value);
    else if (strcmp(option, "--lanes") == 0) lane_count = number(option, value);
    else if (strcmp(option, "--gap-us") == 0) gap_limit = number(option, value);
    else if (strcmp(option, "--cap-packets") == 0) cap_packets = number(option, value);
    else if (strcmp(option, "--cap-bytes") == 0) cap_bytes = number(option, value);
    else if (strcmp(option, "--longest") == 0) longest = number(option, value);
    else fail("no such option", option);
  }
  if (!path || bytes_wanted == 0) fail("--output FILE and --bytes N are needed", "mix");
  if (lane_count > 65536) fail("at most 65536", "--lanes");
  if (gap_limit > 4000000000u) fail("at most 4000000000", "--gap-us");

  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  while ((length = getline(&line, &room, stdin)) > 0) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    if (line[0] != 0) read_capture(line);
  }
  free(line);
  if (capture_count == 0) fail("no capture that could be taken", "list");

  const uint64_t pass_bytes = arena_used + (uint64_t)frame_count * sizeof(struct pcap_record);
  const uint64_t passes = (bytes_wanted + pass_bytes - 1) / pass_bytes;
  if (passes > READDRESS_PASSES) fail("too little for so many bytes: addresses would repeat", "list");

  output = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (output < 0) fail(strerror(errno), path);
  const struct pcap_file header = {PCAP_MAGIC, 2, 4, 0, 0, 262144, LINKTYPE_ETHERNET};
  memcpy(out, &header, sizeof header);
  out_used = sizeof header;
  const uint64_t last = play((uint32_t)lane_count, (uint32_t)passes);
  if (close(output) != 0) fail(strerror(errno), path);

  printf("captures\t%u\npasses\t%llu\npackets_a_pass\t%u\nfile_bytes_a_pass\t%llu\nspan_us\t%llu\n",
         capture_count, (unsigned long long)passes, frame_count, (unsigned long long)pass_bytes,
         (unsigned long long)last);
  printf("captures_capped\t%llu\nleft_out_unreadable\t%llu\nleft_out_other_link\t%llu\n"
         "left_out_cut\t%llu\nleft_out_lying\t%llu\nleft_out_longer\t%llu\n"
         "left_out_empty\t%llu\nframes_skipped\t%llu\n",
         (unsigned long long)left_out.capped, (unsigned long long)left_out.unreadable,
         (unsigned long long)left_out.other_link, (unsigned long long)left_out.cut,
         (unsigned long long)left_out.lying, (unsigned long long)left_out.longer,
         (unsigned long long)left_out.empty, (unsigned long long)left_out.frames_skipped);
  return 0;
}
