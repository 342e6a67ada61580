#define _GNU_SOURCE
#include "martlet_posix.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
  _Atomic uintptr_t base;  // 0: free
  _Atomic uintptr_t end;
  _Atomic size_t cut;  // offset of the lowest page that had gone; PTRDIFF_MAX: none
};

static struct guard guards[MARTLET_MAPPING_CAPACITY];
static _Atomic int used;  // guards beyond it were never taken
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct sigaction before;
static uintptr_t page_mask;

static void on_sigbus(int number, siginfo_t *info, void *context) {
  uintptr_t address = (uintptr_t)info->si_addr;
  int count = atomic_load(&used);
  for (int i = 0; i < count; i++) {
    uintptr_t base = atomic_load(&guards[i].base);
    if (base == 0 || address < base || address >= atomic_load(&guards[i].end)) continue;
    size_t offset = (address & page_mask) - base;
    size_t known = atomic_load(&guards[i].cut);
    while (offset < known && !atomic_compare_exchange_weak(&guards[i].cut, &known, offset)) {
    }
    // mmap is a plain system call here; it is not on POSIX' list of what a handler may call, and works.
    void *page = (void *)(address & page_mask);
    if (mmap(page, ~page_mask + 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
        MAP_FAILED)
      return;
  }
  // Not ours: as if this handler did not exist.
  if (before.sa_flags & SA_SIGINFO && before.sa_sigaction) {
    before.sa_sigaction(number, info, context);
    return;
  }
  signal(SIGBUS, SIG_DFL);
}

static void install(void) {
  page_mask = ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_sigbus;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGBUS, &action, &before);
}

int martlet_mapping_guard(const void *base, size_t length) {
  pthread_once(&once, install);
  int number = -1;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < MARTLET_MAPPING_CAPACITY; i++) {
    if (atomic_load(&guards[i].base) != 0) continue;
    atomic_store(&guards[i].cut, PTRDIFF_MAX);
    atomic_store(&guards[i].end, (uintptr_t)base + length);
    atomic_store(&guards[i].base, (uintptr_t)base);
    if (i >= atomic_load(&used)) atomic_store(&used, i + 1);
    number = i;
    break;
  }
  pthread_mutex_unlock(&lock);
  return number;
}

size_t martlet_mapping_cut(int number) {
  return number < 0 ? PTRDIFF_MAX : atomic_load_explicit(&guards[number].cut, memory_order_relaxed);
}

void martlet_mapping_release(int number) {
  if (number >= 0) atomic_store(&guards[number].base, 0);
}
