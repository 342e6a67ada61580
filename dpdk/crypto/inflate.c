#include "cinflate.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

// In front of the block; what zlib takes stands behind it.
struct context {
  z_stream stream;
  size_t used;
  // Of deflate: its first byte, which tells the two formats apart, has not come yet.
  int undecided;
};

static void *take(void *opaque, uInt items, uInt size) {
  struct context *context = opaque;
  // (2^32 - 1)^2 + 15 is below 2^64, and `used` never goes beyond what was left when it grew.
  size_t bytes = ((size_t)items * size + 15) & ~(size_t)15;
  size_t start = (sizeof *context + 15) & ~(size_t)15;
  if (bytes > CINFLATE_BYTES - start - context->used) return Z_NULL;
  void *memory = (char *)context + start + context->used;
  context->used += bytes;
  return memory;
}

// zlib gives back only when a context ends, and none does.
static void give_back(void *opaque, void *memory) {
  (void)opaque;
  (void)memory;
}

int cinflate_set_up(void *memory) {
  struct context *context = memory;
  memset(context, 0, sizeof *context);
  context->stream.zalloc = take;
  context->stream.zfree = give_back;
  context->stream.opaque = context;
  return inflateInit2(&context->stream, 15 + 16) == Z_OK ? 0 : -1;
}

void cinflate_begin(void *memory, int deflate) {
  struct context *context = memory;
  // The window is of one size in all formats: it is never given back and taken again.
  inflateReset2(&context->stream, deflate ? 15 : 15 + 16);
  context->undecided = deflate;
}

int cinflate_add(void *memory, const uint8_t *bytes, size_t count, size_t *read, uint8_t *output,
                 size_t capacity, size_t *written) {
  struct context *context = memory;
  z_stream *stream = &context->stream;
  *read = 0;
  *written = 0;
  if (count == 0) return 0;
  // zlib counts in unsigned int; the rest is given again.
  if (count > UINT_MAX) count = UINT_MAX;
  if (capacity > UINT_MAX) capacity = UINT_MAX;
  if (context->undecided) {
    context->undecided = 0;
    // RFC 1950: the method is 8, the window at most 32 KiB.
    if ((bytes[0] & 0x0f) != 8 || bytes[0] >> 4 > 7) inflateReset2(stream, -15);
  }
  stream->next_in = (Bytef *)bytes;
  stream->avail_in = (uInt)count;
  stream->next_out = output;
  stream->avail_out = (uInt)capacity;
  int result = inflate(stream, Z_NO_FLUSH);
  *read = count - stream->avail_in;
  *written = capacity - stream->avail_out;
  if (result == Z_STREAM_END) return 1;
  return result == Z_OK || result == Z_BUF_ERROR ? 0 : -1;
}
