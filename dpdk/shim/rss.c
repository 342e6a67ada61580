#include <rte_config.h>

#include "cdpdk.h"

#include <rte_thash.h>
#include <string.h>

void cdpdk_symmetric_key(uint8_t *key, uint8_t size) {
  for (uint8_t i = 0; i < size; i++) key[i] = i % 2 == 0 ? 0x6d : 0x5a;
}

static void key_of_40(uint8_t key[40]) { cdpdk_symmetric_key(key, 40); }

uint32_t cdpdk_softrss_v4(uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport,
                          bool with_ports) {
  uint8_t key[40];
  union rte_thash_tuple tuple;
  memset(&tuple, 0, sizeof tuple);
  key_of_40(key);
  tuple.v4.src_addr = src;
  tuple.v4.dst_addr = dst;
  tuple.v4.sport = sport;
  tuple.v4.dport = dport;
  return rte_softrss((uint32_t *)&tuple, with_ports ? RTE_THASH_V4_L4_LEN : RTE_THASH_V4_L3_LEN,
                     key);
}

uint32_t cdpdk_softrss_v6(const uint8_t src[16], const uint8_t dst[16], uint16_t sport,
                          uint16_t dport, bool with_ports) {
  uint8_t key[40];
  uint32_t words[9];
  key_of_40(key);
  for (int i = 0; i < 4; i++) {
    words[i] = (uint32_t)src[4 * i] << 24 | (uint32_t)src[4 * i + 1] << 16 |
               (uint32_t)src[4 * i + 2] << 8 | src[4 * i + 3];
    words[4 + i] = (uint32_t)dst[4 * i] << 24 | (uint32_t)dst[4 * i + 1] << 16 |
                   (uint32_t)dst[4 * i + 2] << 8 | dst[4 * i + 3];
  }
  // As the tuple lies in memory for the wire: source port, then destination port.
  words[8] = (uint32_t)sport << 16 | dport;
  return rte_softrss(words, with_ports ? RTE_THASH_V6_L4_LEN : RTE_THASH_V6_L3_LEN, key);
}
