#include <rte_config.h>

#include "cdpdk.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Types whose hash is the same as OwnerHash's: addresses, and ports for TCP and UDP. SCTP is left
// out: NICs differ in whether they hash its ports, so it is hashed in software.
static const uint64_t wanted_rss_types =
    RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
    RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_TCP |
    RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_NONFRAG_IPV6_OTHER;

static int fail(char *error, int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error, CDPDK_ERROR_MAX, format, arguments);
  va_end(arguments);
  return code < 0 ? code : -EIO;
}

int cdpdk_port_count(void) { return rte_eth_dev_count_avail(); }

int cdpdk_port_probe(const char *device, char error[CDPDK_ERROR_MAX]) {
  struct rte_dev_iterator iterator;
  uint16_t port;
  uint16_t found = RTE_MAX_ETHPORTS;
  int result = rte_dev_probe(device);
  if (result < 0 && result != -EEXIST)
    return fail(error, result, "%s", rte_strerror(-result));
  RTE_ETH_FOREACH_MATCHING_DEV(port, device, &iterator) {
    if (found == RTE_MAX_ETHPORTS) found = port;
  }
  if (found == RTE_MAX_ETHPORTS)
    return fail(error, -ENODEV, "the device has no Ethernet port");
  return found;
}

int cdpdk_port_info(uint16_t port, struct cdpdk_port_info *info) {
  struct rte_eth_dev_info dev;
  memset(info, 0, sizeof *info);
  int result = rte_eth_dev_info_get(port, &dev);
  if (result != 0) return result;
  rte_eth_dev_get_name_by_port(port, info->name);
  snprintf(info->driver, sizeof info->driver, "%s", dev.driver_name ? dev.driver_name : "?");
  info->socket = rte_eth_dev_socket_id(port);
  info->max_rx_queues = dev.max_rx_queues;
  info->min_mtu = dev.min_mtu;
  info->max_mtu = dev.max_mtu;
  info->reta_size = dev.reta_size;
  info->hash_key_size = dev.hash_key_size;
  info->rss_offloads = dev.flow_type_rss_offloads;
  info->rx_offloads = dev.rx_offload_capa;
  info->max_rx_packet = dev.max_rx_pktlen;
  info->rx_desc_min = dev.rx_desc_lim.nb_min;
  info->rx_desc_max = dev.rx_desc_lim.nb_max;
  return 0;
}

struct cdpdk_pool *cdpdk_pool_create(const char *name, uint32_t count, uint16_t room, int socket,
                                     char error[CDPDK_ERROR_MAX]) {
  // A cache for each lcore, which takes no more than two thirds of the pool.
  struct rte_mempool *pool = rte_pktmbuf_pool_create(
      name, count, count < 1024 ? 0 : 256, 0, (uint16_t)(room + RTE_PKTMBUF_HEADROOM), socket);
  if (!pool)
    fail(error, -rte_errno, "%u packet buffers of %u bytes: %s", count, room,
         rte_strerror(rte_errno));
  return (struct cdpdk_pool *)pool;
}

void cdpdk_pool_free(struct cdpdk_pool *pool) { rte_mempool_free((struct rte_mempool *)pool); }

uint32_t cdpdk_pool_available(struct cdpdk_pool *pool) {
  return rte_mempool_avail_count((struct rte_mempool *)pool);
}

// Fills the redirection table so that entry i names queue (i mod pattern) mod queues: the same
// owner for a hash on every port, whatever the size of its table.
static int set_redirection(uint16_t port, uint16_t size, uint16_t pattern, uint16_t queues) {
  struct rte_eth_rss_reta_entry64 table[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];
  memset(table, 0, sizeof table);
  for (uint16_t i = 0; i < size; i++) {
    table[i / RTE_ETH_RETA_GROUP_SIZE].mask |= UINT64_C(1) << (i % RTE_ETH_RETA_GROUP_SIZE);
    table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
        (uint16_t)((i % pattern) % queues);
  }
  return rte_eth_dev_rss_reta_update(port, table, size);
}

// Drivers that do not say how long their key is take 40 bytes, the length of the specification's. One
// that then ignores the key is found out by the sampled check of its hashes.
static uint8_t key_size(const struct rte_eth_dev_info *dev) {
  return dev->hash_key_size ? dev->hash_key_size : 40;
}

// Whether RSS can be had on this port; says why not.
static bool rss_possible(const struct rte_eth_dev_info *dev,
                         const struct cdpdk_port_options *options,
                         struct cdpdk_port_result *result) {
  const char *why = NULL;
  uint64_t ports = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP;
  if (!options->want_rss)
    why = "switched off by configuration";
  else if (options->queues < 2)
    why = "one queue";
  else if ((dev->flow_type_rss_offloads & ports) == 0)
    why = "the driver hashes neither TCP nor UDP";
  else if (key_size(dev) > 64)
    why = "the driver's hash key is longer than 64 bytes";
  else if (dev->reta_size < options->owner_table_size ||
           dev->reta_size > RTE_ETH_RSS_RETA_SIZE_512)
    why = "the driver has no redirection table of a usable size";
  if (why) snprintf(result->rss_reason, sizeof result->rss_reason, "%s", why);
  return why == NULL;
}

int cdpdk_port_setup(uint16_t port, const struct cdpdk_port_options *options,
                     struct cdpdk_pool *pool, struct cdpdk_port_result *result,
                     char error[CDPDK_ERROR_MAX]) {
  struct rte_eth_dev_info dev;
  struct rte_eth_conf conf;
  uint8_t key[64];
  memset(&conf, 0, sizeof conf);
  memset(result, 0, sizeof *result);
  int code = rte_eth_dev_info_get(port, &dev);
  if (code != 0) return fail(error, code, "device information: %s", rte_strerror(-code));
  if (options->queues > dev.max_rx_queues)
    return fail(error, -EINVAL, "%u receive queues asked for, the port has %u", options->queues,
                dev.max_rx_queues);
  if (dev.max_mtu && options->mtu > dev.max_mtu)
    return fail(error, -EINVAL, "an MTU of %u asked for, the port takes %u to %u", options->mtu,
                dev.min_mtu, dev.max_mtu);

  // Frames longer than a buffer come in segments where the driver can do that.
  uint16_t room = rte_pktmbuf_data_room_size((struct rte_mempool *)pool) - RTE_PKTMBUF_HEADROOM;
  uint32_t frame = options->mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * 4u;
  if (frame > room) conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER & dev.rx_offload_capa;
  if (options->want_checksums)
    conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_CHECKSUM & dev.rx_offload_capa;
  bool rss = rss_possible(&dev, options, result);
  if (rss) {
    cdpdk_symmetric_key(key, key_size(&dev));
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH & dev.rx_offload_capa;
    conf.rx_adv_conf.rss_conf.rss_key = key;
    conf.rx_adv_conf.rss_conf.rss_key_len = key_size(&dev);
    conf.rx_adv_conf.rss_conf.rss_hf = wanted_rss_types & dev.flow_type_rss_offloads;
  }
  conf.rxmode.mtu = options->mtu;
  // VLAN stripping stays off; where a port strips all the same, burst.c passes the tag on.
  code = rte_eth_dev_configure(port, options->queues, 0, &conf);
  if (code != 0)
    return fail(error, code, "configuring %u queues: %s", options->queues, rte_strerror(-code));

  uint16_t descriptors = options->descriptors, none = 0;
  code = rte_eth_dev_adjust_nb_rx_tx_desc(port, &descriptors, &none);
  if (code != 0) return fail(error, code, "%u descriptors: %s", descriptors, rte_strerror(-code));
  for (uint16_t queue = 0; queue < options->queues; queue++) {
    code = rte_eth_rx_queue_setup(port, queue, descriptors, rte_eth_dev_socket_id(port), NULL,
                                  (struct rte_mempool *)pool);
    if (code != 0)
      return fail(error, code, "receive queue %u: %s", queue, rte_strerror(-code));
  }
  if (rss) {
    code = set_redirection(port, dev.reta_size, options->owner_table_size, options->queues);
    if (code != 0) {
      snprintf(result->rss_reason, sizeof result->rss_reason,
               "the driver refused the redirection table: %s", rte_strerror(-code));
      rss = false;
    }
  }
  result->rss = rss;
  result->rss_types = rss ? conf.rx_adv_conf.rss_conf.rss_hf : 0;
  result->reta_size = dev.reta_size;
  result->rx_offloads = conf.rxmode.offloads;
  result->descriptors = descriptors;
  if (rte_eth_dev_get_mtu(port, &result->mtu) != 0) result->mtu = options->mtu;
  if (options->promiscuous) {
    code = rte_eth_promiscuous_enable(port);
    if (code != 0 && code != -ENOTSUP)
      return fail(error, code, "promiscuous mode: %s", rte_strerror(-code));
  }
  result->promiscuous = rte_eth_promiscuous_get(port) == 1;
  return 0;
}

int cdpdk_port_start(uint16_t port, char error[CDPDK_ERROR_MAX]) {
  int code = rte_eth_dev_start(port);
  if (code != 0) return fail(error, code, "starting: %s", rte_strerror(-code));
  return 0;
}

void cdpdk_port_stop(uint16_t port) { rte_eth_dev_stop(port); }

void cdpdk_port_close(uint16_t port) { rte_eth_dev_close(port); }

int cdpdk_port_stats(uint16_t port, struct cdpdk_port_stats *out) {
  struct rte_eth_stats stats;
  memset(out, 0, sizeof *out);
  int code = rte_eth_stats_get(port, &stats);
  if (code != 0) return code;
  out->packets = stats.ipackets;
  out->bytes = stats.ibytes;
  out->missed = stats.imissed;
  out->errors = stats.ierrors;
  out->no_mbuf = stats.rx_nombuf;
  return 0;
}

int cdpdk_port_xstats(uint16_t port, struct cdpdk_xstat *out, uint32_t capacity) {
  int count = rte_eth_xstats_get(port, NULL, 0);
  if (count <= 0 || capacity == 0) return count;
  struct rte_eth_xstat *values = calloc((size_t)count, sizeof *values);
  struct rte_eth_xstat_name *names = calloc((size_t)count, sizeof *names);
  int found = -ENOMEM;
  if (values && names) {
    found = rte_eth_xstats_get(port, values, (unsigned)count);
    int named = rte_eth_xstats_get_names(port, names, (unsigned)count);
    // Between two calls a driver may find that it has others: then what fits together is told.
    if (found > count) found = count;
    if (named >= 0 && named < found) found = named;
    for (int i = 0; i < found && (uint32_t)i < capacity; i++) {
      uint64_t id = values[i].id < (uint64_t)count ? values[i].id : (uint64_t)i;
      snprintf(out[i].name, sizeof out[i].name, "%s", names[id].name);
      out[i].value = values[i].value;
    }
  }
  free(values);
  free(names);
  return found;
}

void cdpdk_port_link(uint16_t port, bool *up, uint32_t *speed_mbps, bool *full_duplex) {
  struct rte_eth_link link;
  memset(&link, 0, sizeof link);
  if (rte_eth_link_get_nowait(port, &link) != 0) memset(&link, 0, sizeof link);
  *up = link.link_status == RTE_ETH_LINK_UP;
  *speed_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
  *full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
}

// Appends `word` to a list in `out`.
static void append(char *out, size_t size, const char *word) {
  size_t used = strlen(out);
  if (used < size) snprintf(out + used, size - used, "%s%s", used ? " " : "", word);
}

void cdpdk_rss_type_names(uint64_t types, char *out, size_t size) {
  static const struct {
    uint64_t bit;
    const char *name;
  } names[] = {
      {RTE_ETH_RSS_IPV4, "ipv4"},
      {RTE_ETH_RSS_NONFRAG_IPV4_TCP, "ipv4-tcp"},
      {RTE_ETH_RSS_NONFRAG_IPV4_UDP, "ipv4-udp"},
      {RTE_ETH_RSS_NONFRAG_IPV4_OTHER, "ipv4-other"},
      {RTE_ETH_RSS_IPV6, "ipv6"},
      {RTE_ETH_RSS_NONFRAG_IPV6_TCP, "ipv6-tcp"},
      {RTE_ETH_RSS_NONFRAG_IPV6_UDP, "ipv6-udp"},
      {RTE_ETH_RSS_NONFRAG_IPV6_OTHER, "ipv6-other"},
  };
  if (size) out[0] = 0;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (types & names[i].bit) append(out, size, names[i].name);
}

void cdpdk_rx_offload_names(uint64_t offloads, char *out, size_t size) {
  if (size) out[0] = 0;
  for (unsigned bit = 0; bit < 64; bit++)
    if (offloads >> bit & 1)
      append(out, size, rte_eth_dev_rx_offload_name(UINT64_C(1) << bit));
}
