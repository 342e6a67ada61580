#include <rte_config.h>

#include "cdpdk.h"

#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <stdlib.h>

// A packet whose first segment holds less than this is shown from a copy of its front, so that no
// header is cut in two. Longer than any chain of headers that the parser follows.
#define FRONT_BYTES 512

struct cdpdk_queue {
  uint16_t port;
  uint16_t queue;
  uint16_t index;
  // Fronts of packets in small segments, a place for each packet of a burst.
  uint8_t fronts[MARTLET_BURST_CAPACITY][FRONT_BYTES];
};

struct cdpdk_queue *cdpdk_queue_create(uint16_t port, uint16_t queue, uint16_t index) {
  struct cdpdk_queue *made =
      rte_zmalloc_socket("cdpdk_queue", sizeof *made, 64, rte_eth_dev_socket_id(port));
  if (!made) return NULL;
  made->port = port;
  made->queue = queue;
  made->index = index;
  return made;
}

void cdpdk_queue_free(struct cdpdk_queue *queue) { rte_free(queue); }

// Flags from DPDK's to ours. The common case, none of them set, is decided by one test.
static inline uint16_t flags_of(uint64_t ol_flags) {
  const uint64_t known = RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_RX_VLAN_STRIPPED |
                         RTE_MBUF_F_RX_QINQ_STRIPPED | RTE_MBUF_F_RX_IP_CKSUM_MASK |
                         RTE_MBUF_F_RX_L4_CKSUM_MASK;
  uint16_t flags = 0;
  if ((ol_flags & known) == 0) return 0;
  if (ol_flags & RTE_MBUF_F_RX_RSS_HASH) flags |= MARTLET_PACKET_RSS_HASH;
  if (ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) flags |= MARTLET_PACKET_VLAN_STRIPPED;
  if (ol_flags & RTE_MBUF_F_RX_QINQ_STRIPPED) flags |= MARTLET_PACKET_QINQ_STRIPPED;
  switch (ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) {
    case RTE_MBUF_F_RX_IP_CKSUM_BAD: flags |= MARTLET_PACKET_IP_CHECKSUM_BAD; break;
    case RTE_MBUF_F_RX_IP_CKSUM_GOOD: flags |= MARTLET_PACKET_IP_CHECKSUM_GOOD; break;
    default: break;
  }
  switch (ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) {
    case RTE_MBUF_F_RX_L4_CKSUM_BAD: flags |= MARTLET_PACKET_L4_CHECKSUM_BAD; break;
    case RTE_MBUF_F_RX_L4_CKSUM_GOOD: flags |= MARTLET_PACKET_L4_CHECKSUM_GOOD; break;
    default: break;
  }
  return flags;
}

uint32_t cdpdk_receive(void *context, struct martlet_packet *packets, uint32_t capacity) {
  struct cdpdk_queue *queue = context;
  struct rte_mbuf *mbufs[MARTLET_BURST_CAPACITY];
  if (capacity > MARTLET_BURST_CAPACITY) capacity = MARTLET_BURST_CAPACITY;
  uint16_t count = rte_eth_rx_burst(queue->port, queue->queue, mbufs, (uint16_t)capacity);
  for (uint16_t i = 0; i < count && i < 4; i++)
    rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], const void *));
  for (uint16_t i = 0; i < count; i++) {
    struct rte_mbuf *mbuf = mbufs[i];
    if (i + 4 < count) rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + 4], const void *));
    struct martlet_packet *packet = &packets[i];
    packet->data = rte_pktmbuf_mtod(mbuf, const uint8_t *);
    packet->handle = mbuf;
    packet->timestamp_ns = 0;
    packet->captured_length = mbuf->data_len;
    packet->wire_length = mbuf->pkt_len;
    packet->rss_hash = mbuf->hash.rss;
    packet->flags = flags_of(mbuf->ol_flags);
    packet->vlan_tci = mbuf->vlan_tci;
    packet->vlan_tci_outer = mbuf->vlan_tci_outer;
    packet->port = queue->index;
    packet->link_type = 1;
    if (__builtin_expect(mbuf->nb_segs > 1, 0)) {
      packet->flags |= MARTLET_PACKET_SEGMENTED;
      if (mbuf->data_len < FRONT_BYTES) {
        uint32_t front = mbuf->pkt_len < FRONT_BYTES ? mbuf->pkt_len : FRONT_BYTES;
        const uint8_t *bytes = rte_pktmbuf_read(mbuf, 0, front, queue->fronts[i]);
        if (bytes) {
          packet->data = bytes;
          packet->captured_length = front;
        }
      }
    }
  }
  return count;
}

void cdpdk_release(void *unused, void *const *handles, uint32_t count) {
  (void)unused;
  // The cast drops a const that DPDK's declaration lacks; it does not write to the array.
  rte_pktmbuf_free_bulk((struct rte_mbuf **)(uintptr_t)handles, count);
}
