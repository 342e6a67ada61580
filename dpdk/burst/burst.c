#include "martlet_burst.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

// The layout that Swift relies on. A change here is a change of FlowEngine's tests as well.
_Static_assert(sizeof(struct martlet_packet) == 64, "packet descriptor is 64 bytes");
_Static_assert(offsetof(struct martlet_packet, handle) == 8, "handle");
_Static_assert(offsetof(struct martlet_packet, timestamp_ns) == 16, "timestamp");
_Static_assert(offsetof(struct martlet_packet, captured_length) == 24, "captured length");
_Static_assert(offsetof(struct martlet_packet, wire_length) == 28, "wire length");
_Static_assert(offsetof(struct martlet_packet, rss_hash) == 32, "hash");
_Static_assert(offsetof(struct martlet_packet, flags) == 36, "flags");
_Static_assert(offsetof(struct martlet_packet, port) == 42, "port");
_Static_assert(offsetof(struct martlet_packet, link_type) == 44, "link type");
_Static_assert(offsetof(struct martlet_packet, ordinal) == 48, "ordinal");
_Static_assert(offsetof(struct martlet_packet, clock_ns) == 56, "clock");

void martlet_sleep_precisely(void) {
#ifdef __linux__
  prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
#endif
}
