#include <rte_config.h>

#include "linerate.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

uint32_t linerate_receive_and_free(uint16_t port, uint64_t *sum) {
  struct rte_mbuf *mbufs[LINERATE_BURST];
  uint16_t count = rte_eth_rx_burst(port, 0, mbufs, LINERATE_BURST);
  if (sum) {
    for (uint16_t i = 0; i < count; i++) rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
    for (uint16_t i = 0; i < count; i++) *sum += *rte_pktmbuf_mtod(mbufs[i], uint64_t *);
  }
  rte_pktmbuf_free_bulk(mbufs, count);
  return count;
}
