// Keys and packets of QUIC's Initials (RFC 9001 section 5, RFC 9369): HKDF with SHA-256 on the stack, and
// AES-128 by EVP, whose contexts are made once, when a worker is set up.
//
// EVP's AES uses the processor's own instructions, the old AES_* functions do not. To give a context
// another key allocates nothing: `bench/crypto/check.c` counts.
#ifndef MARTLET_CCRYPTO_QUIC_H
#define MARTLET_CCRYPTO_QUIC_H

#include <stddef.h>
#include <stdint.h>

#define CCRYPTO_AES128_KEY_BYTES 16
#define CCRYPTO_AES128_BLOCK_BYTES 16
#define CCRYPTO_GCM_NONCE_BYTES 12
#define CCRYPTO_GCM_TAG_BYTES 16

// Contexts of one worker: never used by two threads.
struct ccrypto_worker;

// NULL where libcrypto has no AES or no memory is left.
struct ccrypto_worker *ccrypto_worker_create(void);
void ccrypto_worker_destroy(struct ccrypto_worker *worker);

// HKDF-Extract with SHA-256 (RFC 5869 section 2.2): 32 bytes.
void ccrypto_hkdf_extract(const uint8_t *salt, size_t salt_count, const uint8_t *secret,
                          size_t secret_count, uint8_t *key);

// HKDF-Expand-Label with SHA-256 and an empty context (RFC 8446 section 7.1). `secret` has 32 bytes,
// `label` comes without its "tls13 ", `count` is at the most 32 and `label_count` at the most 32; 0 where
// they are more.
int ccrypto_hkdf_expand_label(const uint8_t *secret, const uint8_t *label, size_t label_count,
                              uint8_t *output, size_t count);

// One block of AES-128: key, block and output have 16 bytes. 1 where it worked.
int ccrypto_aes128_block(struct ccrypto_worker *worker, const uint8_t *key, const uint8_t *block,
                         uint8_t *output);

// Decrypts `count` bytes with AES-128-GCM into as many of `output`; the key has 16 bytes, the nonce 12, the
// tag 16. 1 where the tag is right, 0 where it is not; the output is then whatever it is. Without a tag (NULL) nothing is verified, and 1 says that it was decrypted.
int ccrypto_aes128_gcm_open(struct ccrypto_worker *worker, const uint8_t *key, const uint8_t *nonce,
                            const uint8_t *header, size_t header_count, const uint8_t *input,
                            size_t count, const uint8_t *tag, uint8_t *output);

#endif
