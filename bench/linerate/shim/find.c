#define _GNU_SOURCE
#include "linerate.h"

#include <string.h>

const void *linerate_find(const void *bytes, size_t count, const void *key, size_t key_count) {
  return memmem(bytes, count, key, key_count);
}
