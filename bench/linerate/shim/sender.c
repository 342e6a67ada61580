// The sending side of a virtio queue: DPDK's vhost library negotiates with the receiver's
// net_virtio_user port and maps its memory; frames are then written straight into the buffers that
// the receiver has put on its ring, as a NIC's DMA would.
//
// net_vhost does the same for mbufs, and waits for each line of the ring and of a buffer in turn. Here
// the lines of a burst are on their way together, and one line a packet is all that a small frame
// moves.
//
//     descriptors | buffer, length | …      written by the receiver, read here
//     available   | index | head, head …    written by the receiver, read here
//     used        | index | head, length …  written here, read by the receiver
#include <rte_config.h>

#include "linerate.h"

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <rte_errno.h>
#include <rte_pause.h>
#include <rte_prefetch.h>
#include <rte_vhost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct linerate_sender {
  char path[108];
  struct rte_vhost_vring ring;
  struct rte_vhost_memory *memory;
  // Of the region that the last buffer was in: all of them are in one as a rule.
  struct rte_vhost_mem_region *region;
  uint16_t header;     // bytes of the virtio header before a frame
  uint16_t next;       // ring index of the burst's first buffer
  uint16_t available;  // the receiver's index as last read
  bool mapped;
  uint16_t heads[LINERATE_BURST];
  struct linerate_burst burst;
  // Shared with the library's thread: the device, and whether its memory is being used.
  int device;
  bool enabled, busy;
};

// The library's callbacks carry nothing of ours: there is one sender in a process.
static struct linerate_sender *only;

static int device_came(int device) {
  __atomic_store_n(&only->device, device, __ATOMIC_SEQ_CST);
  return 0;
}

static void device_went(int device) {
  (void)device;
  __atomic_store_n(&only->enabled, false, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&only->busy, __ATOMIC_SEQ_CST)) rte_pause();
  only->mapped = false;
  __atomic_store_n(&only->device, -1, __ATOMIC_SEQ_CST);
}

static int ring_changed(int device, uint16_t ring, int enable) {
  (void)device;
  if (ring == 0) __atomic_store_n(&only->enabled, enable != 0, __ATOMIC_SEQ_CST);
  return 0;
}

static const struct rte_vhost_device_ops operations = {
    .new_device = device_came,
    .destroy_device = device_went,
    .vring_state_changed = ring_changed,
};

struct linerate_sender *linerate_sender_create(const char *socket_path,
                                               char error[LINERATE_ERROR_MAX]) {
  // Frames in one buffer each, on a split ring, without notifications to wait for.
  const uint64_t unwanted = 1ull << VIRTIO_NET_F_MRG_RXBUF | 1ull << VIRTIO_F_RING_PACKED |
                            1ull << VIRTIO_RING_F_EVENT_IDX |
                            1ull << VIRTIO_RING_F_INDIRECT_DESC;
  struct linerate_sender *sender = calloc(1, sizeof *sender);
  if (!sender || only) {
    snprintf(error, LINERATE_ERROR_MAX, "no memory, or a second sender in one process");
    free(sender);
    return NULL;
  }
  sender->device = -1;
  only = sender;
  snprintf(sender->path, sizeof sender->path, "%s", socket_path);
  int code = rte_vhost_driver_register(sender->path, 0);
  if (code == 0) code = rte_vhost_driver_disable_features(sender->path, unwanted);
  if (code == 0) code = rte_vhost_driver_callback_register(sender->path, &operations);
  if (code == 0) code = rte_vhost_driver_start(sender->path);
  if (code != 0) {
    snprintf(error, LINERATE_ERROR_MAX, "vhost socket %s could not be served", sender->path);
    only = NULL;
    free(sender);
    return NULL;
  }
  return sender;
}

bool linerate_sender_connect(struct linerate_sender *sender) {
  uint64_t features = 0;
  int device = __atomic_load_n(&sender->device, __ATOMIC_SEQ_CST);
  if (sender->mapped) return true;
  if (device < 0 || !__atomic_load_n(&sender->enabled, __ATOMIC_SEQ_CST)) return false;
  free(sender->memory);
  sender->memory = NULL;
  if (rte_vhost_get_mem_table(device, &sender->memory) != 0 ||
      rte_vhost_get_vhost_vring(device, 0, &sender->ring) != 0 ||
      rte_vhost_get_negotiated_features(device, &features) != 0 || sender->memory->nregions == 0)
    return false;
  rte_vhost_enable_guest_notification(device, 0, 0);
  sender->region = &sender->memory->regions[0];
  sender->header = features & 1ull << VIRTIO_F_VERSION_1 ? 12 : 10;
  sender->next = sender->available = sender->ring.used->idx;
  sender->mapped = true;
  return true;
}

// The buffer at an address of the receiver's; NULL where it is in none of its regions.
static inline uint8_t *translate(struct linerate_sender *sender, uint64_t address) {
  struct rte_vhost_mem_region *region = sender->region;
  if (__builtin_expect(address - region->guest_phys_addr >= region->size, 0)) {
    for (uint32_t i = 0; i < sender->memory->nregions; i++) {
      region = &sender->memory->regions[i];
      if (address - region->guest_phys_addr < region->size) break;
    }
    if (address - region->guest_phys_addr >= region->size) return NULL;
    sender->region = region;
  }
  return (uint8_t *)(uintptr_t)(address - region->guest_phys_addr + region->host_user_addr);
}

// Where the frame goes in the buffer of a descriptor.
static inline uint8_t *frame_of(struct linerate_sender *sender, uint16_t index) {
  const struct vring_desc *descriptor = &sender->ring.desc[index];
  uint8_t *buffer = translate(sender, descriptor->addr);
  // Less room than this no port of Martlet's offers unless it is told to (mbufSizeBytes).
  if (!buffer || descriptor->len < sender->header + (uint32_t)LINERATE_LONGEST_FRAME) abort();
  return buffer + sender->header;
}

static uint32_t give_up(struct linerate_sender *sender) {
  __atomic_store_n(&sender->busy, false, __ATOMIC_RELEASE);
  return 0;
}

struct linerate_burst *linerate_sender_burst(struct linerate_sender *sender) {
  return &sender->burst;
}

uint32_t linerate_sender_reserve(struct linerate_sender *sender) {
  // Either the library's thread sees `busy`, or this one sees that the device is gone.
  __atomic_store_n(&sender->busy, true, __ATOMIC_SEQ_CST);
  if (!__atomic_load_n(&sender->enabled, __ATOMIC_SEQ_CST) || !sender->mapped)
    return give_up(sender);
  const uint16_t mask = sender->ring.size - 1;
  if ((uint16_t)(sender->available - sender->next) < LINERATE_BURST) {
    sender->available = __atomic_load_n(&sender->ring.avail->idx, __ATOMIC_ACQUIRE);
    if ((uint16_t)(sender->available - sender->next) < LINERATE_BURST) return give_up(sender);
  }
  for (uint16_t i = 0; i < LINERATE_BURST; i++) {
    uint16_t head = sender->ring.avail->ring[(sender->next + i) & mask];
    sender->heads[i] = head;
    sender->burst.frames[i] = frame_of(sender, head & mask);
  }
  // The burst after this one, as far as it is there: its buffers' lines, and the descriptors of the one
  // after that, four a line.
  uint16_t further = (uint16_t)(sender->available - sender->next) - LINERATE_BURST;
  for (uint16_t i = 0; i < LINERATE_BURST && i < further; i++) {
    uint16_t head = sender->ring.avail->ring[(sender->next + LINERATE_BURST + i) & mask];
    __builtin_prefetch(frame_of(sender, head & mask), 1, 3);
  }
  for (uint16_t i = 0; i < LINERATE_BURST; i += 4)
    rte_prefetch0(&sender->ring.desc[(sender->next + 2 * LINERATE_BURST + i) & mask]);
  for (uint16_t i = 0; i < LINERATE_BURST; i += 8)
    __builtin_prefetch(&sender->ring.used->ring[(sender->next + i) & mask], 1, 3);
  return LINERATE_BURST;
}

// The header says nothing of a frame, and stays in the buffer from use to use: it is written where it
// is not there yet, so that its line need not move.
static inline void set_header(uint8_t *frame, uint16_t bytes) {
  uint64_t first;
  uint32_t rest = 0;
  memcpy(&first, frame - bytes, 8);
  memcpy(&rest, frame - bytes + 8, bytes - 8u);
  const uint32_t wanted = bytes == 12 ? 1u << 16 : 0;  // num_buffers is 1
  if (__builtin_expect(first == 0 && rest == wanted, 1)) return;
  memset(frame - bytes, 0, bytes);
  if (bytes == 12) frame[-2] = 1;
}

static inline void commit(struct linerate_sender *sender, uint16_t count) {
  const uint16_t mask = sender->ring.size - 1;
  for (uint16_t i = 0; i < count; i++) {
    struct vring_used_elem *element = &sender->ring.used->ring[(sender->next + i) & mask];
    set_header(sender->burst.frames[i], sender->header);
    element->id = sender->heads[i];
    element->len = (uint32_t)sender->burst.lengths[i] + sender->header;
  }
  sender->next += count;
  __atomic_store_n(&sender->ring.used->idx, sender->next, __ATOMIC_RELEASE);
  __atomic_store_n(&sender->busy, false, __ATOMIC_RELEASE);
}

void linerate_sender_commit(struct linerate_sender *sender) { commit(sender, LINERATE_BURST); }

void linerate_sender_commit_some(struct linerate_sender *sender, uint32_t count) {
  commit(sender, (uint16_t)count);
}

void linerate_sender_close(struct linerate_sender *sender) {
  rte_vhost_driver_unregister(sender->path);
  unlink(sender->path);
  free(sender->memory);
  only = NULL;
  free(sender);
}

void linerate_wake_promptly(void) { prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); }
