// What C and Swift share of a packet: plain structs, no DPDK include.
//
// A port fills an array of `struct martlet_packet`, a worker reads it, and gives the handles back
// when it has done with them. Nothing here owns memory. Layouts are asserted in burst.c and, from
// the Swift side, in FlowEngine's tests.
#ifndef MARTLET_BURST_H
#define MARTLET_BURST_H

#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// How many packets one receive call asks for at the most.
#define MARTLET_BURST_CAPACITY 32

// Bits of martlet_packet.flags: what the port says of a packet beside its bytes.
enum {
  MARTLET_PACKET_RSS_HASH = 1 << 0,        // rss_hash holds the NIC's hash
  MARTLET_PACKET_VLAN_STRIPPED = 1 << 1,   // vlan_tci was cut out of the frame by the port
  MARTLET_PACKET_QINQ_STRIPPED = 1 << 2,   // vlan_tci_outer too
  MARTLET_PACKET_IP_CHECKSUM_BAD = 1 << 3,
  MARTLET_PACKET_L4_CHECKSUM_BAD = 1 << 4,
  MARTLET_PACKET_IP_CHECKSUM_GOOD = 1 << 5,
  MARTLET_PACKET_L4_CHECKSUM_GOOD = 1 << 6,
  MARTLET_PACKET_SEGMENTED = 1 << 7,       // data shows only the front of several segments
  MARTLET_PACKET_RECORDED = 1 << 8,        // from a capture file: ordinal and clock_ns are valid
  MARTLET_PACKET_CLOCK = 1 << 9,           // no packet: packets' time reached timestamp_ns, and goes
                                           // on from clock_ns
};

// One received packet as its port hands it over: 64 bytes.
//
//    0        8         16            24    28    32     36    38    40    42     44
//    | data   | handle  | timestamp   | cap | wire| rss  |flags|vlan |outer|port  |link |
//    48        56
//    | ordinal | clock  |
struct martlet_packet {
  const uint8_t *data;       // first readable byte, link-layer header first
  void *handle;              // given back through martlet_rx_queue.release; may be null
  uint64_t timestamp_ns;     // nanoseconds since 1970; 0: the burst's own clock holds
  uint32_t captured_length;  // bytes readable at data
  uint32_t wire_length;      // bytes on the wire, never trusted beyond captured_length
  uint32_t rss_hash;         // valid with MARTLET_PACKET_RSS_HASH
  uint16_t flags;
  uint16_t vlan_tci;         // valid with MARTLET_PACKET_VLAN_STRIPPED, host byte order
  uint16_t vlan_tci_outer;   // valid with MARTLET_PACKET_QINQ_STRIPPED
  uint16_t port;             // index of the port in this engine
  uint32_t link_type;        // LINKTYPE_* of the data; 1 is Ethernet
  uint64_t ordinal;          // valid with MARTLET_PACKET_RECORDED: the packet's number in its source
  uint64_t clock_ns;         // valid with MARTLET_PACKET_RECORDED: packets' time as it stood then
};

// Fills packets[0 ..< result]; never blocks. 0 is an empty poll.
typedef uint32_t (*martlet_receive_fn)(void *context, struct martlet_packet *packets,
                                       uint32_t capacity);
// Gives handles back to where they came from; any thread that polls may call it.
typedef void (*martlet_release_fn)(void *context, void *const *handles, uint32_t count);

// One receive queue of one port, polled by exactly one worker.
struct martlet_rx_queue {
  void *context;
  martlet_receive_fn receive;
  martlet_release_fn release;
  uint16_t port;
  uint16_t queue;
  uint32_t flags;  // MARTLET_QUEUE_*
};

enum {
  MARTLET_QUEUE_HARDWARE_RSS = 1 << 0,  // a plain packet with an RSS hash is where it belongs
};

// --- Atomics -------------------------------------------------------------------------------
// FlowEngine imports nothing but this header, so the few orderings its rings and snapshots need
// stand here, each on naturally aligned memory that the caller owns.

static inline uint64_t martlet_load_acquire(const uint64_t *p) {
  return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline uint64_t martlet_load_relaxed(const uint64_t *p) {
  return __atomic_load_n(p, __ATOMIC_RELAXED);
}
static inline void martlet_store_release(uint64_t *p, uint64_t value) {
  __atomic_store_n(p, value, __ATOMIC_RELEASE);
}
static inline void martlet_store_relaxed(uint64_t *p, uint64_t value) {
  __atomic_store_n(p, value, __ATOMIC_RELAXED);
}
static inline void martlet_fence_release(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }
static inline void martlet_fence_acquire(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }

// --- Processor ------------------------------------------------------------------------------

static inline void martlet_prefetch(const void *p) { __builtin_prefetch(p, 0, 3); }
static inline void martlet_prefetch_write(const void *p) { __builtin_prefetch(p, 1, 3); }

// Which of eight 16-bit words, aligned to 16 bytes, equal `value`: a bit each at twice its number.
// Without a branch, since which one it is nobody can guess.
static inline uint32_t martlet_match8(const void *words, uint16_t value) {
#if defined(__SSE2__)
  const __m128i found = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)words),
                                        _mm_set1_epi16((short)value));
  return (uint32_t)_mm_movemask_epi8(found) & 0x5555;
#else
  uint32_t found = 0;
  for (int i = 0; i < 8; i++) found |= (uint32_t)(((const uint16_t *)words)[i] == value) << 2 * i;
  return found;
#endif
}

static inline uint64_t martlet_tsc(void) {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t value;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#else
#error "no time stamp counter known for this processor"
#endif
}

// Nanoseconds of a clock of clock_gettime(2): since 1970, or since some point in the past.
static inline int64_t martlet_realtime_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
static inline int64_t martlet_monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void martlet_pause(void);

// For a thread that waits for another one and need not be prompt: spins, then yields, then naps.
// `round` counts from 0 while the wait lasts.
static inline void martlet_relax(uint32_t round) {
  if (round < 64) {
    martlet_pause();
  } else if (round < 96) {
    sched_yield();
  } else {
    struct timespec nap = {0, round < 1000 ? 20000 : 200000};
    nanosleep(&nap, 0);
  }
}

// Has the kernel wake this thread within a microsecond of the end of its sleeps; by default it takes
// 50 more to gather wake-ups. No matter where the kernel knows nothing of it.
void martlet_sleep_precisely(void);

static inline void martlet_sleep_ns(uint64_t nanoseconds) {
  struct timespec nap = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
  nanosleep(&nap, 0);
}

static inline void martlet_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
