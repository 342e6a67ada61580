// Marks for callgrind, which perf/instruction-gate counts instructions with: only what lies between
// profile_on and profile_off is counted, and profile_dump writes it out under a name and begins anew.
// Outside of valgrind each is a handful of instructions that do nothing.
#ifndef MARTLET_PROFILE_H
#define MARTLET_PROFILE_H

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
static inline int profile_is_counted(void) { return RUNNING_ON_VALGRIND != 0; }
static inline void profile_on(void) { CALLGRIND_TOGGLE_COLLECT; }
static inline void profile_off(void) { CALLGRIND_TOGGLE_COLLECT; }
static inline void profile_dump(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }
#else
static inline int profile_is_counted(void) { return 0; }
static inline void profile_on(void) {}
static inline void profile_off(void) {}
static inline void profile_dump(const char *name) { (void)name; }
#endif

#endif
