// A port that plays a capture: net_ring rings filled by a thread of our own, spread over queues as a
// NIC with symmetric RSS would spread them. For the demonstration and for tests.
#include <rte_config.h>

#define _GNU_SOURCE
#include "cdpdk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <pthread.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct frame {
  uint64_t time_ns;  // since the first frame
  uint32_t offset;
  uint32_t length;
  uint32_t hash;
  bool hashed;
};

struct cdpdk_player {
  struct rte_ring *rings[16];
  uint16_t queues;
  enum cdpdk_spread spread;
  uint16_t owner_table_size;
  struct rte_mempool *pool;
  struct frame *frames;
  uint32_t frame_count;
  uint8_t *bytes;
  double *paces;
  uint32_t passes;
  pthread_t thread;
  bool running;
  uint32_t turn;
  // Where the thread goes on when it is started again.
  uint32_t next_pass, next_frame;
  // Written by the thread, read by others.
  uint64_t sent_packets, sent_bytes;
  uint32_t pass;
  bool stop, finished;
};

// The hash a NIC would give: TCP and UDP that are no fragments by addresses and ports, other IP by
// addresses. False where there is nothing to hash.
static bool nic_hash(const uint8_t *data, uint32_t length, uint32_t *hash) {
  uint32_t offset = 12;
  while (offset + 2 <= length && (data[offset] << 8 | data[offset + 1]) == 0x8100) offset += 4;
  if (offset + 2 > length) return false;
  uint16_t type = (uint16_t)(data[offset] << 8 | data[offset + 1]);
  const uint8_t *ip = data + offset + 2;
  uint32_t left = length - offset - 2;
  uint32_t header;
  uint8_t proto;
  bool fragment;
  if (type == 0x0800 && left >= 20 && ip[0] >> 4 == 4) {
    header = (ip[0] & 15u) * 4;
    proto = ip[9];
    fragment = ((ip[6] << 8 | ip[7]) & 0x3fff) != 0;
  } else if (type == 0x86dd && left >= 40) {
    header = 40;
    proto = ip[6];
    fragment = proto == 44;
  } else {
    return false;
  }
  bool ports = !fragment && (proto == 6 || proto == 17) && left >= header + 4;
  uint16_t sport = ports ? (uint16_t)(ip[header] << 8 | ip[header + 1]) : 0;
  uint16_t dport = ports ? (uint16_t)(ip[header + 2] << 8 | ip[header + 3]) : 0;
  if (type == 0x0800) {
    uint32_t source, destination;
    memcpy(&source, ip + 12, 4);
    memcpy(&destination, ip + 16, 4);
    *hash = cdpdk_softrss_v4(ntohl(source), ntohl(destination), sport, dport, ports);
  } else {
    *hash = cdpdk_softrss_v6(ip + 8, ip + 24, sport, dport, ports);
  }
  return true;
}

// Reads the whole capture into memory.
static int load(struct cdpdk_player *player, const char *path, char *error) {
  char message[PCAP_ERRBUF_SIZE];
  pcap_t *file =
      pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, message);
  if (!file) {
    // libpcap names the file itself where it could not open it.
    snprintf(error, CDPDK_ERROR_MAX, "%s", message);
    return -ENOENT;
  }
  int result = 0;
  if (pcap_datalink(file) != DLT_EN10MB) {
    snprintf(error, CDPDK_ERROR_MAX, "%s: only Ethernet captures can be played, this one is %s",
             path, pcap_datalink_val_to_name(pcap_datalink(file)));
    result = -EINVAL;
  }
  size_t frame_room = 0, byte_room = 0, byte_count = 0;
  struct pcap_pkthdr *header;
  const u_char *data;
  uint64_t first = 0;
  int more = 0;
  while (result == 0 && (more = pcap_next_ex(file, &header, &data)) == 1) {
    if (player->frame_count == frame_room) {
      frame_room = frame_room ? frame_room * 2 : 4096;
      struct frame *frames = realloc(player->frames, frame_room * sizeof *frames);
      if (!frames) result = -ENOMEM;
      else player->frames = frames;
    }
    while (result == 0 && byte_count + header->caplen > byte_room) {
      byte_room = byte_room ? byte_room * 2 : 1 << 20;
      uint8_t *bytes = realloc(player->bytes, byte_room);
      if (!bytes) result = -ENOMEM;
      else player->bytes = bytes;
    }
    if (result != 0 || byte_count + header->caplen > UINT32_MAX) {
      snprintf(error, CDPDK_ERROR_MAX, "%s: too large to be played from memory", path);
      result = -ENOMEM;
      break;
    }
    // With nanosecond precision tv_usec holds nanoseconds.
    uint64_t time = (uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
    if (player->frame_count == 0) first = time;
    struct frame *frame = &player->frames[player->frame_count++];
    frame->time_ns = time > first ? time - first : 0;
    frame->offset = (uint32_t)byte_count;
    frame->length = header->caplen;
    frame->hashed = nic_hash(data, header->caplen, &frame->hash);
    memcpy(player->bytes + byte_count, data, header->caplen);
    byte_count += header->caplen;
  }
  if (result == 0 && more == PCAP_ERROR) {
    snprintf(error, CDPDK_ERROR_MAX, "%s: %s", path, pcap_geterr(file));
    result = -EIO;
  }
  if (result == 0 && player->frame_count == 0) {
    snprintf(error, CDPDK_ERROR_MAX, "%s: no packets", path);
    result = -EINVAL;
  }
  pcap_close(file);
  return result;
}

struct cdpdk_player *cdpdk_player_create(const struct cdpdk_player_options *options,
                                         uint16_t *port, char error[CDPDK_ERROR_MAX]) {
  char name[CDPDK_NAME_MAX];
  if (options->queues < 1 || options->queues > 16) {
    snprintf(error, CDPDK_ERROR_MAX, "a player has 1 to 16 queues, not %u", options->queues);
    return NULL;
  }
  struct cdpdk_player *player = calloc(1, sizeof *player);
  if (!player) return NULL;
  player->queues = options->queues;
  player->spread = options->spread;
  player->owner_table_size = options->owner_table_size ? options->owner_table_size : 128;
  player->passes = options->passes;
  player->paces = calloc(options->passes ? options->passes : 1, sizeof *player->paces);
  if (!player->paces || load(player, options->capture, error) != 0) goto failed;
  memcpy(player->paces, options->paces, options->passes * sizeof *player->paces);

  snprintf(name, sizeof name, "play_%s", options->name);
  player->pool = rte_pktmbuf_pool_create(name, options->mbufs, options->mbufs < 1024 ? 0 : 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
                                         options->socket);
  if (!player->pool) {
    snprintf(error, CDPDK_ERROR_MAX, "%u packet buffers: out of memory", options->mbufs);
    goto failed;
  }
  for (uint16_t queue = 0; queue < player->queues; queue++) {
    snprintf(name, sizeof name, "play_%s_%u", options->name, queue);
    player->rings[queue] = rte_ring_create(name, options->ring_slots, options->socket,
                                           RING_F_SP_ENQ | RING_F_SC_DEQ);
    if (!player->rings[queue]) {
      snprintf(error, CDPDK_ERROR_MAX, "a ring of %u slots: out of memory", options->ring_slots);
      goto failed;
    }
  }
  // The driver allocates by the number of transmit rings and fails for none: it gets one, unused.
  int made = rte_eth_from_rings(options->name, player->rings, player->queues, player->rings, 1,
                                options->socket < 0 ? 0 : (unsigned)options->socket);
  if (made < 0) {
    snprintf(error, CDPDK_ERROR_MAX, "a port of rings: %s", rte_strerror(rte_errno));
    goto failed;
  }
  *port = (uint16_t)made;
  return player;

failed:
  cdpdk_player_free(player);
  return NULL;
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool stopping(struct cdpdk_player *player) {
  return __atomic_load_n(&player->stop, __ATOMIC_RELAXED);
}

static void nap(uint64_t ns) {
  struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
  nanosleep(&time, NULL);
}

// Copies a frame into buffers of the pool, waiting for one where there is none; NULL when stopped.
static struct rte_mbuf *fill(struct cdpdk_player *player, const struct frame *frame) {
  struct rte_mbuf *head = NULL, *tail = NULL;
  uint32_t done = 0;
  do {
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(player->pool);
    while (!mbuf && !stopping(player)) {
      nap(20000);
      mbuf = rte_pktmbuf_alloc(player->pool);
    }
    if (!mbuf) {
      rte_pktmbuf_free(head);
      return NULL;
    }
    uint32_t room = rte_pktmbuf_tailroom(mbuf);
    uint32_t part = frame->length - done < room ? frame->length - done : room;
    memcpy(rte_pktmbuf_mtod(mbuf, void *), player->bytes + frame->offset + done, part);
    mbuf->data_len = (uint16_t)part;
    mbuf->pkt_len = part;
    done += part;
    if (!head) {
      head = tail = mbuf;
    } else {
      tail->next = mbuf;
      tail = mbuf;
      head->nb_segs++;
      head->pkt_len += part;
    }
  } while (done < frame->length);
  return head;
}

static uint16_t queue_of(struct cdpdk_player *player, const struct frame *frame,
                         struct rte_mbuf *mbuf) {
  // The redirection table that Martlet gives a NIC: entry i is queue i mod queues.
  uint16_t queue =
      frame->hashed ? (uint16_t)(frame->hash % player->owner_table_size % player->queues) : 0;
  uint32_t turn = player->turn++;
  switch (player->spread) {
    case CDPDK_SPREAD_RSS:
      if (frame->hashed) {
        mbuf->hash.rss = frame->hash;
        mbuf->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
      }
      return queue;
    case CDPDK_SPREAD_MISDIRECTED:
      return turn % 2 ? (uint16_t)((queue + 1) % player->queues) : queue;
    default:
      return (uint16_t)(turn % player->queues);
  }
}

static void *play(void *argument) {
  struct cdpdk_player *player = argument;
  // A player that was stopped goes on with the frame it had come to.
  for (; player->next_pass < player->passes && !stopping(player); player->next_pass++) {
    uint32_t pass = player->next_pass;
    double pace = player->paces[pass];
    uint64_t start = now_ns();
    if (pace > 0 && player->next_frame < player->frame_count)
      start -= (uint64_t)((double)player->frames[player->next_frame].time_ns / pace);
    for (uint32_t i = player->next_frame; i < player->frame_count && !stopping(player); i++) {
      player->next_frame = i;
      const struct frame *frame = &player->frames[i];
      if (pace > 0) {
        uint64_t due = start + (uint64_t)((double)frame->time_ns / pace);
        uint64_t now = now_ns();
        // In steps, so that a stop is noticed.
        while (now < due && !stopping(player)) {
          nap(due - now > 50000000u ? 50000000u : due - now);
          now = now_ns();
        }
        if (stopping(player)) break;
      }
      struct rte_mbuf *mbuf = fill(player, frame);
      if (!mbuf) break;
      struct rte_ring *ring = player->rings[queue_of(player, frame, mbuf)];
      while (rte_ring_sp_enqueue(ring, mbuf) != 0) {
        if (stopping(player)) {
          rte_pktmbuf_free(mbuf);
          mbuf = NULL;
          break;
        }
        nap(20000);
      }
      if (!mbuf) break;
      __atomic_store_n(&player->sent_packets, player->sent_packets + 1, __ATOMIC_RELAXED);
      __atomic_store_n(&player->sent_bytes, player->sent_bytes + frame->length, __ATOMIC_RELAXED);
      player->next_frame = i + 1;
    }
    if (stopping(player) && player->next_frame < player->frame_count) return NULL;
    player->next_frame = 0;
    __atomic_store_n(&player->pass, pass + 1, __ATOMIC_RELAXED);
  }
  if (player->next_pass == player->passes)
    __atomic_store_n(&player->finished, true, __ATOMIC_RELEASE);
  return NULL;
}

int cdpdk_player_start(struct cdpdk_player *player) {
  __atomic_store_n(&player->stop, false, __ATOMIC_RELAXED);
  int code = pthread_create(&player->thread, NULL, play, player);
  if (code != 0) return -code;
  player->running = true;
  pthread_setname_np(player->thread, "player");
  return 0;
}

void cdpdk_player_state(struct cdpdk_player *player, struct cdpdk_player_state *state) {
  state->finished = __atomic_load_n(&player->finished, __ATOMIC_ACQUIRE);
  state->packets = __atomic_load_n(&player->sent_packets, __ATOMIC_RELAXED);
  state->bytes = __atomic_load_n(&player->sent_bytes, __ATOMIC_RELAXED);
  state->pass = __atomic_load_n(&player->pass, __ATOMIC_RELAXED);
  state->passes = player->passes;
  state->capture_packets = player->frame_count;
  state->queued = 0;
  for (uint16_t queue = 0; queue < player->queues; queue++)
    state->queued += rte_ring_count(player->rings[queue]);
}

void cdpdk_player_stop(struct cdpdk_player *player) {
  if (!player->running) return;
  __atomic_store_n(&player->stop, true, __ATOMIC_RELAXED);
  pthread_join(player->thread, NULL);
  player->running = false;
}

void cdpdk_player_free(struct cdpdk_player *player) {
  if (!player) return;
  cdpdk_player_stop(player);
  for (uint16_t queue = 0; queue < player->queues && queue < 16; queue++) {
    void *mbuf;
    if (!player->rings[queue]) continue;
    while (rte_ring_sc_dequeue(player->rings[queue], &mbuf) == 0) rte_pktmbuf_free(mbuf);
    rte_ring_free(player->rings[queue]);
  }
  rte_mempool_free(player->pool);
  free(player->frames);
  free(player->bytes);
  free(player->paces);
  free(player);
}
