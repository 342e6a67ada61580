// How far two cores are from each other: a line that both write goes to and fro.
#define _GNU_SOURCE
#include "linerate.h"

#include <pthread.h>
#include <sched.h>

static uint64_t ping __attribute__((aligned(128))), pong __attribute__((aligned(128)));

struct side {
  unsigned core;
  uint32_t rounds;
};

static void pin(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static void *answer(void *argument) {
  struct side *side = argument;
  pin(side->core);
  for (uint64_t i = 1; i <= side->rounds; i++) {
    while (__atomic_load_n(&ping, __ATOMIC_ACQUIRE) != i) {
    }
    __atomic_store_n(&pong, i, __ATOMIC_RELEASE);
  }
  return NULL;
}

bool linerate_exchange(unsigned first, unsigned second, uint32_t rounds) {
  struct side side = {second, rounds};
  pthread_t thread;
  __atomic_store_n(&ping, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&pong, 0, __ATOMIC_RELAXED);
  pin(first);
  if (pthread_create(&thread, NULL, answer, &side) != 0) return false;
  for (uint64_t i = 1; i <= rounds; i++) {
    __atomic_store_n(&ping, i, __ATOMIC_RELEASE);
    while (__atomic_load_n(&pong, __ATOMIC_ACQUIRE) != i) {
    }
  }
  pthread_join(thread, NULL);
  return true;
}
