// DPDK as Martlet needs it: plain C with opaque handles, no rte_*.h in sight.
//
// This is the only code that includes DPDK's headers. It exists because DPDK's fast path is inline
// C and macros that Swift cannot import; it can go when DPDK has a stable ABI for bursts that
// Swift can call. Functions that can fail return 0 or a negative errno value and, where they take
// one, write a sentence to `error`.
#ifndef CDPDK_H
#define CDPDK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "martlet_burst.h"

#define CDPDK_NAME_MAX 64
#define CDPDK_ERROR_MAX 256

// --- Environment (eal.c) ---------------------------------------------------------------------

// Called for each line DPDK would log: level 1 (emergency) to 8 (debug), text without line end.
typedef void (*cdpdk_log_fn)(int level, const char *line);
void cdpdk_set_log(cdpdk_log_fn log);

// rte_eal_init with these arguments; the calling thread becomes the main lcore.
int cdpdk_eal_init(int argc, char **argv, char error[CDPDK_ERROR_MAX]);
void cdpdk_eal_cleanup(void);
const char *cdpdk_version(void);
unsigned cdpdk_main_lcore(void);
// Starts `body` on a worker lcore that is not running anything.
int cdpdk_lcore_launch(unsigned lcore, int (*body)(void *), void *argument);
// Waits for it to return; its result.
int cdpdk_lcore_wait(unsigned lcore);
int cdpdk_lcore_socket(unsigned lcore);
// Has memory that is not touched yet come from a NUMA node where it can; nothing where there is one.
void cdpdk_prefer_node(void *memory, size_t size, int node);

// --- Ports (port.c) --------------------------------------------------------------------------

struct cdpdk_port_info {
  char name[CDPDK_NAME_MAX];
  char driver[CDPDK_NAME_MAX];
  int socket;  // NUMA node, -1 where unknown
  uint16_t max_rx_queues;
  uint16_t min_mtu, max_mtu;
  uint16_t reta_size;
  uint8_t hash_key_size;
  uint64_t rss_offloads;  // RTE_ETH_RSS_*
  uint64_t rx_offloads;   // RTE_ETH_RX_OFFLOAD_*
  uint32_t max_rx_packet;
  uint16_t rx_desc_min, rx_desc_max;
};

// What a port is to be set up with.
struct cdpdk_port_options {
  uint16_t queues;
  uint16_t descriptors;
  uint16_t mtu;
  bool promiscuous;
  bool want_rss;
  bool want_checksums;
  uint16_t owner_table_size;  // redirection table's pattern repeats after so many entries
};

// How a port came out of its set-up.
struct cdpdk_port_result {
  bool rss;               // key, table and types are set
  char rss_reason[128];   // why it is not
  uint64_t rss_types;     // RTE_ETH_RSS_* in force
  uint16_t reta_size;
  uint64_t rx_offloads;   // in force
  uint16_t mtu;           // in force
  uint16_t descriptors;   // in force
  bool promiscuous;
};

struct cdpdk_port_stats {
  uint64_t packets, bytes, missed, errors, no_mbuf;
};

struct cdpdk_xstat {
  char name[64];
  uint64_t value;
};

struct cdpdk_pool;

// Adds a device: a PCI address or a vdev string. Its port number, or a negative errno value.
int cdpdk_port_probe(const char *device, char error[CDPDK_ERROR_MAX]);
int cdpdk_port_count(void);
int cdpdk_port_info(uint16_t port, struct cdpdk_port_info *info);

// A pool of `count` packet buffers with room for `room` bytes each, headroom not counted.
struct cdpdk_pool *cdpdk_pool_create(const char *name, uint32_t count, uint16_t room, int socket,
                                     char error[CDPDK_ERROR_MAX]);
void cdpdk_pool_free(struct cdpdk_pool *pool);
uint32_t cdpdk_pool_available(struct cdpdk_pool *pool);

int cdpdk_port_setup(uint16_t port, const struct cdpdk_port_options *options,
                     struct cdpdk_pool *pool, struct cdpdk_port_result *result,
                     char error[CDPDK_ERROR_MAX]);
int cdpdk_port_start(uint16_t port, char error[CDPDK_ERROR_MAX]);
void cdpdk_port_stop(uint16_t port);
void cdpdk_port_close(uint16_t port);
int cdpdk_port_stats(uint16_t port, struct cdpdk_port_stats *stats);
// The driver's own counters. How many there are; the first `capacity` of them are written. Negative errno
// where it tells none.
int cdpdk_port_xstats(uint16_t port, struct cdpdk_xstat *out, uint32_t capacity);
// Up or down, and megabits a second (0 where unknown).
void cdpdk_port_link(uint16_t port, bool *up, uint32_t *speed_mbps, bool *full_duplex);
// Names of the RSS types in `types`, separated by blanks.
void cdpdk_rss_type_names(uint64_t types, char *out, size_t size);
// Names of the receive offloads in `offloads`, separated by blanks.
void cdpdk_rx_offload_names(uint64_t offloads, char *out, size_t size);

// --- Bursts (burst.c) ------------------------------------------------------------------------

struct cdpdk_queue;

// A receive queue as a worker polls it. `index` is the port's index in this engine.
struct cdpdk_queue *cdpdk_queue_create(uint16_t port, uint16_t queue, uint16_t index);
void cdpdk_queue_free(struct cdpdk_queue *queue);
uint32_t cdpdk_receive(void *queue, struct martlet_packet *packets, uint32_t capacity);
void cdpdk_release(void *unused, void *const *handles, uint32_t count);

// --- Hashes (rss.c) --------------------------------------------------------------------------

// The symmetric key, `size` bytes: 0x6d5a over and over.
void cdpdk_symmetric_key(uint8_t *key, uint8_t size);
// DPDK's own software RSS with that key, for a check of ours: tuple in host byte order.
uint32_t cdpdk_softrss_v4(uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport,
                          bool with_ports);
uint32_t cdpdk_softrss_v6(const uint8_t src[16], const uint8_t dst[16], uint16_t sport,
                          uint16_t dport, bool with_ports);

// --- Player (player.c) -----------------------------------------------------------------------

enum cdpdk_spread {
  CDPDK_SPREAD_RSS = 0,         // as a NIC with the symmetric key spreads, hash in the descriptor
  CDPDK_SPREAD_MISDIRECTED = 1, // every second packet goes to the wrong queue, no hash
  CDPDK_SPREAD_ROUND_ROBIN = 2, // one queue after the other, no hash
};

struct cdpdk_player;

struct cdpdk_player_options {
  const char *name;
  const char *capture;
  uint16_t queues;
  uint16_t owner_table_size;
  enum cdpdk_spread spread;
  uint32_t mbufs;
  uint32_t ring_slots;  // a power of two
  int socket;
  const double *paces;  // one a pass: 1 is the capture's own pace, 2 twice as fast, 0 no waiting
  uint32_t passes;
};

struct cdpdk_player_state {
  uint64_t packets, bytes;   // put on the rings so far
  uint32_t pass;             // being played, from 0; equals `passes` when done
  uint32_t passes;
  uint32_t capture_packets;
  uint64_t queued;           // on the rings, not taken yet
  bool finished;
};

// Loads the capture with libpcap and makes a port of rings; `port` gets its number.
struct cdpdk_player *cdpdk_player_create(const struct cdpdk_player_options *options,
                                         uint16_t *port, char error[CDPDK_ERROR_MAX]);
int cdpdk_player_start(struct cdpdk_player *player);
void cdpdk_player_state(struct cdpdk_player *player, struct cdpdk_player_state *state);
void cdpdk_player_stop(struct cdpdk_player *player);
// After its port is closed.
void cdpdk_player_free(struct cdpdk_player *player);

#endif
