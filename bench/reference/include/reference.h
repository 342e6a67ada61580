// What Martlet's worker does with packets of ordinary flows, in plain C: the measure that the Swift is held
// against. See reference.c.
#ifndef MARTLET_REFERENCE_H
#define MARTLET_REFERENCE_H

#include <martlet_burst.h>

struct reference_settings {
  uint32_t capacity;
  uint32_t ring_slots;  // a power of two
  uint64_t seed[6];
  // Nanoseconds, as FlowTimeouts.
  int64_t active, tcp, udp, icmp, other, half_open, closed;
};

// What the worker counts; each is the counter of the same name in FlowEngine.
enum reference_counter {
  REFERENCE_RECEIVED,
  REFERENCE_RECEIVED_BYTES,
  REFERENCE_COUNTED_IN_FLOWS,
  REFERENCE_COUNTED_BYTES,
  REFERENCE_FILTERED,
  REFERENCE_FLOWS_CREATED,
  REFERENCE_ENDED_IDLE,
  REFERENCE_ENDED_BY_PROTOCOL,
  REFERENCE_ENDED_FORCED,
  REFERENCE_EVICTED,
  REFERENCE_FLOW_UPDATES,
  REFERENCE_RECORDS_MADE,
  REFERENCE_RECORDS_DROPPED,
  REFERENCE_PORTS_REUSED,
  REFERENCE_TIME_WENT_BACKWARDS,
  REFERENCE_POLLS,
  REFERENCE_EMPTY_POLLS,
  // Packets that are not IP or broken, each by its cause in FlowEngine.
  REFERENCE_DISCARDED,
  // What is recognised here and handled only there: fragments, tunnels, IPv6 extensions, loss and
  // disorder of TCP, violations. Packets of a comparison have none of it.
  REFERENCE_UNUSUAL,
  REFERENCE_COUNTERS,
};

struct reference_worker;

size_t reference_bytes(const struct reference_settings *settings);
// `memory` is zeroed, aligned to 128 and as long as reference_bytes says.
struct reference_worker *reference_create(void *memory, const struct reference_settings *settings,
                                          martlet_release_fn release, void *release_context,
                                          int64_t now);
uint32_t reference_poll(struct reference_worker *worker, struct martlet_rx_queue *queue, int64_t now);
void reference_housekeep(struct reference_worker *worker, int64_t now);
// As FlowWorker.drain: 1 when no flow is left.
int reference_drain(struct reference_worker *worker, int64_t now, uint32_t *cursor);

// Records waiting, each laid out as FlowRecord is.
size_t reference_available(struct reference_worker *worker);
const void *reference_peek(struct reference_worker *worker, size_t offset);
void reference_release(struct reference_worker *worker, size_t count);

uint64_t reference_count(const struct reference_worker *worker, enum reference_counter counter);
uint32_t reference_live(const struct reference_worker *worker);

// The stages of a burst, for counting their instructions: all of what reference_poll does, in its order.
void reference_receive(struct reference_worker *worker, struct martlet_rx_queue *queue);
void reference_parse(struct reference_worker *worker, int64_t now);
void reference_update(struct reference_worker *worker, int64_t now);
void reference_give_back(struct reference_worker *worker);

#endif
