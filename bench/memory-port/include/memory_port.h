// A port whose packets come from memory: what is left of receiving where there is no NIC.
//
// Its buffers look like DPDK's (one cache line of metadata that the driver has written, the frame 256
// bytes behind its start, an odd number of lines from one to the next), and it hands them over as
// dpdk/shim/burst.c does. Who fills them does so between two measurements, as a NIC does beside the core.
#ifndef MARTLET_MEMORY_PORT_H
#define MARTLET_MEMORY_PORT_H

#include <martlet_burst.h>

// The fields of the first line of `struct rte_mbuf` in DPDK's order.
struct memory_port_buffer {
  uint8_t *start;
  uint64_t io_address;
  uint16_t data_offset;
  uint16_t references;
  uint16_t segments;
  uint16_t port;
  uint64_t offload_flags;
  uint32_t packet_type;
  uint32_t wire_length;
  uint16_t data_length;
  uint16_t vlan_tci;
  uint32_t rss_hash;
  uint32_t hash_high;
  uint16_t vlan_tci_outer;
  uint16_t room;
  void *pool;
};

// Bytes from one buffer to the next: 37 lines, as a pool of DPDK's with 2 KiB of room spaces them.
#define MEMORY_PORT_STRIDE 2368
#define MEMORY_PORT_FRAME_OFFSET 256

struct memory_port {
  uint8_t *buffers;
  void **free;
  // Buffers filled, handed over, given back.
  uint32_t filled;
  uint32_t next;
  uint32_t released;
  // Given back in another state than DPDK's bulk release has a short way for.
  uint32_t odd;
};

static inline struct memory_port_buffer *memory_port_at(const struct memory_port *port, uint32_t i) {
  return (struct memory_port_buffer *)(port->buffers + (size_t)i * MEMORY_PORT_STRIDE);
}

// As martlet_receive_fn; the context is a struct memory_port.
uint32_t memory_port_receive(void *context, struct martlet_packet *packets, uint32_t capacity);
// As martlet_release_fn.
void memory_port_release(void *context, void *const *handles, uint32_t count);
// Keeps the calling thread on one core; 0, or an error number.
int memory_port_pin(uint32_t core);

#endif
