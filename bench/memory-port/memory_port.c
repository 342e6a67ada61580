#define _GNU_SOURCE
#include "memory_port.h"

#include <pthread.h>

_Static_assert(sizeof(struct memory_port_buffer) == 64, "metadata is one line");
_Static_assert(MEMORY_PORT_STRIDE / 64 % 2 == 1, "buffers spread over all sets of a cache");

// What a driver has in its own ring: pointers to the buffers of a burst.
static uint32_t take(struct memory_port *port, struct memory_port_buffer **taken, uint32_t wanted) {
  uint32_t count = port->filled - port->next;
  if (count > wanted) count = wanted;
  for (uint32_t i = 0; i < count; i++) taken[i] = memory_port_at(port, port->next + i);
  port->next += count;
  return count;
}

static inline uint16_t flags_of(uint64_t offload_flags) {
  return offload_flags == 0 ? 0 : MARTLET_PACKET_RSS_HASH;
}

uint32_t memory_port_receive(void *context, struct martlet_packet *packets, uint32_t capacity) {
  struct memory_port *port = context;
  struct memory_port_buffer *taken[MARTLET_BURST_CAPACITY];
  if (capacity > MARTLET_BURST_CAPACITY) capacity = MARTLET_BURST_CAPACITY;
  uint32_t count = take(port, taken, capacity);
  for (uint32_t i = 0; i < count && i < 4; i++)
    martlet_prefetch(taken[i]->start + taken[i]->data_offset);
  for (uint32_t i = 0; i < count; i++) {
    struct memory_port_buffer *buffer = taken[i];
    if (i + 4 < count) martlet_prefetch(taken[i + 4]->start + taken[i + 4]->data_offset);
    struct martlet_packet *packet = &packets[i];
    packet->data = buffer->start + buffer->data_offset;
    packet->handle = buffer;
    packet->timestamp_ns = 0;
    packet->captured_length = buffer->data_length;
    packet->wire_length = buffer->wire_length;
    packet->rss_hash = buffer->rss_hash;
    packet->flags = flags_of(buffer->offload_flags);
    packet->vlan_tci = buffer->vlan_tci;
    packet->vlan_tci_outer = buffer->vlan_tci_outer;
    packet->port = 0;
    packet->link_type = 1;
    if (__builtin_expect(buffer->segments > 1, 0)) packet->flags |= MARTLET_PACKET_SEGMENTED;
  }
  return count;
}

// As rte_pktmbuf_free_bulk: each is looked at, then all go back to their pool at once.
void memory_port_release(void *context, void *const *handles, uint32_t count) {
  struct memory_port *port = context;
  for (uint32_t i = 0; i < count; i++) {
    const struct memory_port_buffer *buffer = handles[i];
    if (__builtin_expect(buffer->references != 1 || buffer->segments != 1, 0)) port->odd++;
    port->free[port->released + i] = handles[i];
  }
  port->released += count;
}

int memory_port_pin(uint32_t core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}
