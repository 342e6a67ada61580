// Digests for dissection, by OpenSSL's libcrypto: fingerprints (MD5, SHA-1, SHA-256) at one go, and bodies'
// SHA-256 piece by piece in memory of the caller's. Nothing here allocates once it is warm.
//
// It exists because EVP contexts and Swift's digests are objects on the heap, and a worker takes no
// memory after start.
#ifndef MARTLET_CCRYPTO_H
#define MARTLET_CCRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "cinflate.h"

#define CCRYPTO_MD5_BYTES 16
#define CCRYPTO_SHA1_BYTES 20
#define CCRYPTO_SHA256_BYTES 32

void ccrypto_md5(const uint8_t *bytes, size_t count, uint8_t *digest);
void ccrypto_sha1(const uint8_t *bytes, size_t count, uint8_t *digest);
void ccrypto_sha256(const uint8_t *bytes, size_t count, uint8_t *digest);

// A SHA-256 under way: 112 bytes, aligned to 4, plain memory that may be copied.
struct ccrypto_sha256_state {
  uint32_t words[28];
};
void ccrypto_sha256_begin(struct ccrypto_sha256_state *state);
void ccrypto_sha256_add(struct ccrypto_sha256_state *state, const uint8_t *bytes, size_t count);
void ccrypto_sha256_end(struct ccrypto_sha256_state *state, uint8_t *digest);

#endif
