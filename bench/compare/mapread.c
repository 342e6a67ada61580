// The floor under every reader of a file: maps it and loads one word of each 64-byte cache line.
//
//   mapread FILE       prints bytes, seconds, GB/s, and a sum that keeps the loads alive

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: mapread FILE\n");
    return 64;
  }
  const double begin = seconds();
  const int descriptor = open(argv[1], O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (descriptor < 0 || fstat(descriptor, &status) != 0) {
    fprintf(stderr, "mapread: %s: %s\n", argv[1], strerror(errno));
    return 1;
  }
  const size_t size = (size_t)status.st_size;
  const uint8_t *file =
      size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0) : NULL;
  if (file == MAP_FAILED) {
    fprintf(stderr, "mapread: %s: %s\n", argv[1], strerror(errno));
    return 1;
  }
  if (size) {
    madvise((void *)file, size, MADV_SEQUENTIAL);
    madvise((void *)file, size, MADV_WILLNEED);
  }
  uint64_t sum = 0;
  for (size_t at = 0; at + 8 <= size; at += 64) {
    uint64_t word;
    memcpy(&word, file + at, 8);
    sum += word;
  }
  const double took = seconds() - begin;
  printf("bytes\t%zu\nseconds\t%.3f\nGB/s\t%.2f\nsum\t%016llx\n", size, took,
         (double)size / took / 1e9, (unsigned long long)sum);
  return 0;
}
