// What Swift cannot do of POSIX: handle a signal safely, and name the fields of a timespec.
#ifndef MARTLET_POSIX_H
#define MARTLET_POSIX_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <time.h>

// --- Mappings that may be cut ----------------------------------------------------------------
// A file that is read through a mapping can become shorter meanwhile; the kernel then answers with
// SIGBUS. A guarded mapping shows zeros instead, and remembers that it was cut.

// How many mappings can be guarded at a time.
#define MARTLET_MAPPING_CAPACITY 4096

// Guards [base, base + length); returns a number for the two calls below, or -1 where all are taken.
int martlet_mapping_guard(const void *base, size_t length);
// Offset of the lowest page that was missed; PTRDIFF_MAX where none was.
size_t martlet_mapping_cut(int number);
// Ends the guard; before munmap.
void martlet_mapping_release(int number);

// --- Threads -----------------------------------------------------------------------------------

// Names the calling thread; fifteen characters at the most.
static inline void martlet_thread_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

// --- Waiting -----------------------------------------------------------------------------------

// Waits for a signal on the condition, so many milliseconds at the most; the mutex is held.
static inline void martlet_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                          long milliseconds) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  long nanoseconds = deadline.tv_nsec + milliseconds % 1000 * 1000000;
  deadline.tv_sec += milliseconds / 1000 + nanoseconds / 1000000000;
  deadline.tv_nsec = nanoseconds % 1000000000;
  pthread_cond_timedwait(condition, mutex, &deadline);
}

#endif
