// Decompression of bodies (gzip, zlib, raw deflate) by zlib, in memory that its user has taken at start.
//
// It exists because zlib asks for memory through a struct of pointers and callbacks, which is awkward from
// Swift; here it gets all it ever needs out of one block, and nothing is allocated once that is set up.
#ifndef MARTLET_CINFLATE_H
#define MARTLET_CINFLATE_H

#include <stddef.h>
#include <stdint.h>

// Of one context, aligned to 16.
#define CINFLATE_BYTES (64 * 1024)

// Sets a context up in its memory. 0, or -1 where zlib refuses.
int cinflate_set_up(void *context);

// What comes next is a new body. deflate: zlib's format or, as some servers send it, none at all; else gzip.
void cinflate_begin(void *context, int deflate);

// Decodes some bytes. Sets how many of them were read and how many were written, both at most what there is.
// 1: this was the end; 0: go on, with the rest and more; -1: this is not what it should be.
int cinflate_add(void *context, const uint8_t *bytes, size_t count, size_t *read, uint8_t *output,
                 size_t capacity, size_t *written);

#endif
