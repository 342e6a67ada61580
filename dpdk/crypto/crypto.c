// OpenSSL 3 calls these functions deprecated; they are the ones whose state is plain memory.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "ccrypto.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) == sizeof(struct ccrypto_sha256_state), "SHA-256 state");

void ccrypto_md5(const uint8_t *bytes, size_t count, uint8_t *digest) {
  MD5_CTX context;
  MD5_Init(&context);
  MD5_Update(&context, bytes, count);
  MD5_Final(digest, &context);
}

void ccrypto_sha1(const uint8_t *bytes, size_t count, uint8_t *digest) {
  SHA_CTX context;
  SHA1_Init(&context);
  SHA1_Update(&context, bytes, count);
  SHA1_Final(digest, &context);
}

void ccrypto_sha256(const uint8_t *bytes, size_t count, uint8_t *digest) {
  struct ccrypto_sha256_state state;
  ccrypto_sha256_begin(&state);
  ccrypto_sha256_add(&state, bytes, count);
  ccrypto_sha256_end(&state, digest);
}

void ccrypto_sha256_begin(struct ccrypto_sha256_state *state) { SHA256_Init((SHA256_CTX *)state); }

void ccrypto_sha256_add(struct ccrypto_sha256_state *state, const uint8_t *bytes, size_t count) {
  SHA256_Update((SHA256_CTX *)state, bytes, count);
}

void ccrypto_sha256_end(struct ccrypto_sha256_state *state, uint8_t *digest) {
  SHA256_Final(digest, (SHA256_CTX *)state);
}
