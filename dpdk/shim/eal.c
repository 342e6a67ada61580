// rte_config.h first, as pkg-config's -include would have it.
#include <rte_config.h>

#define _GNU_SOURCE
#include "cdpdk.h"

#include <errno.h>
#include <numa.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_version.h>
#include <stdio.h>
#include <string.h>

static cdpdk_log_fn log_hook;

// DPDK writes its log to a FILE; this one cuts it into lines and hands them on.
static ssize_t log_write(void *cookie, const char *buffer, size_t size) {
  (void)cookie;
  static __thread char line[1024];
  static __thread size_t used;
  for (size_t i = 0; i < size; i++) {
    if (buffer[i] != '\n' && used + 1 < sizeof line) {
      line[used++] = buffer[i];
    } else if (buffer[i] == '\n') {
      line[used] = 0;
      if (log_hook && used > 0) log_hook(rte_log_cur_msg_loglevel(), line);
      used = 0;
    }
  }
  return (ssize_t)size;
}

void cdpdk_set_log(cdpdk_log_fn log) {
  log_hook = log;
  if (!log) {
    rte_openlog_stream(NULL);
    return;
  }
  cookie_io_functions_t functions = {.write = log_write};
  FILE *stream = fopencookie(NULL, "w", functions);
  if (!stream) return;
  setvbuf(stream, NULL, _IOLBF, 1024);
  rte_openlog_stream(stream);
}

int cdpdk_eal_init(int argc, char **argv, char error[CDPDK_ERROR_MAX]) {
  int used = rte_eal_init(argc, argv);
  if (used < 0) {
    snprintf(error, CDPDK_ERROR_MAX, "%s", rte_strerror(rte_errno));
    return rte_errno ? -rte_errno : -EINVAL;
  }
  return 0;
}

void cdpdk_eal_cleanup(void) {
  rte_eal_cleanup();
  rte_openlog_stream(NULL);
}

const char *cdpdk_version(void) { return rte_version(); }

unsigned cdpdk_main_lcore(void) { return rte_get_main_lcore(); }

int cdpdk_lcore_launch(unsigned lcore, int (*body)(void *), void *argument) {
  return rte_eal_remote_launch(body, argument, lcore);
}

int cdpdk_lcore_wait(unsigned lcore) { return rte_eal_wait_lcore(lcore); }

int cdpdk_lcore_socket(unsigned lcore) { return (int)rte_lcore_to_socket_id(lcore); }

void cdpdk_prefer_node(void *memory, size_t size, int node) {
  // libnuma's policy for this call is "preferred": another node's memory is better than none.
  if (node < 0 || numa_available() < 0 || numa_max_node() < 1) return;
  numa_tonode_memory(memory, size, node);
}
