// OpenSSL 3 calls these SHA-256 functions deprecated; they are the ones whose state is plain memory.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "ccrypto_quic.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

struct ccrypto_worker {
  EVP_CIPHER_CTX *ecb;
  EVP_CIPHER_CTX *gcm;
};

struct ccrypto_worker *ccrypto_worker_create(void) {
  struct ccrypto_worker *worker = calloc(1, sizeof *worker);
  if (worker == NULL) return NULL;
  const uint8_t zeros[16] = {0};
  uint8_t output[16];
  worker->ecb = EVP_CIPHER_CTX_new();
  worker->gcm = EVP_CIPHER_CTX_new();
  // What EVP fetches and takes on first use is taken here: one round of each.
  if (worker->ecb == NULL || worker->gcm == NULL ||
      EVP_EncryptInit_ex(worker->ecb, EVP_aes_128_ecb(), NULL, zeros, NULL) != 1 ||
      EVP_CIPHER_CTX_set_padding(worker->ecb, 0) != 1 ||
      EVP_DecryptInit_ex(worker->gcm, EVP_aes_128_gcm(), NULL, zeros, zeros) != 1 ||
      ccrypto_aes128_block(worker, zeros, zeros, output) != 1 ||
      ccrypto_aes128_gcm_open(worker, zeros, zeros, zeros, 1, zeros, 16, NULL, output) != 1) {
    ccrypto_worker_destroy(worker);
    return NULL;
  }
  (void)ccrypto_aes128_gcm_open(worker, zeros, zeros, zeros, 1, zeros, 16, zeros, output);
  return worker;
}

void ccrypto_worker_destroy(struct ccrypto_worker *worker) {
  if (worker == NULL) return;
  EVP_CIPHER_CTX_free(worker->ecb);
  EVP_CIPHER_CTX_free(worker->gcm);
  free(worker);
}

// HMAC (RFC 2104) of two pieces, one behind the other.
static void hmac_sha256(const uint8_t *key, size_t key_count, const uint8_t *first,
                        size_t first_count, const uint8_t *second, size_t second_count,
                        uint8_t *output) {
  uint8_t pad[64] = {0};
  SHA256_CTX context;
  if (key_count > sizeof pad) {
    SHA256_Init(&context);
    SHA256_Update(&context, key, key_count);
    SHA256_Final(pad, &context);
  } else {
    memcpy(pad, key, key_count);
  }
  for (size_t i = 0; i < sizeof pad; i++) pad[i] ^= 0x36;
  uint8_t inner[32];
  SHA256_Init(&context);
  SHA256_Update(&context, pad, sizeof pad);
  SHA256_Update(&context, first, first_count);
  SHA256_Update(&context, second, second_count);
  SHA256_Final(inner, &context);
  for (size_t i = 0; i < sizeof pad; i++) pad[i] ^= 0x36 ^ 0x5c;
  SHA256_Init(&context);
  SHA256_Update(&context, pad, sizeof pad);
  SHA256_Update(&context, inner, sizeof inner);
  SHA256_Final(output, &context);
}

void ccrypto_hkdf_extract(const uint8_t *salt, size_t salt_count, const uint8_t *secret,
                          size_t secret_count, uint8_t *key) {
  hmac_sha256(salt, salt_count, secret, secret_count, secret, 0, key);
}

int ccrypto_hkdf_expand_label(const uint8_t *secret, const uint8_t *label, size_t label_count,
                              uint8_t *output, size_t count) {
  if (label_count > 32 || count > 32) return 0;
  // length 2, length of the label 1, "tls13 " 6, label, length of the context 1.
  uint8_t info[2 + 1 + 6 + 32 + 1];
  size_t length = 0;
  info[length++] = 0;
  info[length++] = (uint8_t)count;
  info[length++] = (uint8_t)(6 + label_count);
  memcpy(info + length, "tls13 ", 6);
  length += 6;
  memcpy(info + length, label, label_count);
  length += label_count;
  info[length++] = 0;
  const uint8_t counter = 1;
  uint8_t block[32];
  hmac_sha256(secret, 32, info, length, &counter, 1, block);
  memcpy(output, block, count);
  return 1;
}

int ccrypto_aes128_block(struct ccrypto_worker *worker, const uint8_t *key, const uint8_t *block,
                         uint8_t *output) {
  int count = 0;
  return EVP_EncryptInit_ex(worker->ecb, NULL, NULL, key, NULL) == 1 &&
         EVP_EncryptUpdate(worker->ecb, output, &count, block, 16) == 1 && count == 16;
}

int ccrypto_aes128_gcm_open(struct ccrypto_worker *worker, const uint8_t *key, const uint8_t *nonce,
                            const uint8_t *header, size_t header_count, const uint8_t *input,
                            size_t count, const uint8_t *tag, uint8_t *output) {
  if (header_count > INT_MAX || count > INT_MAX) return 0;
  int written = 0;
  if (EVP_DecryptInit_ex(worker->gcm, NULL, NULL, key, nonce) != 1 ||
      EVP_DecryptUpdate(worker->gcm, NULL, &written, header, (int)header_count) != 1 ||
      EVP_DecryptUpdate(worker->gcm, output, &written, input, (int)count) != 1) {
    return 0;
  }
  if (tag == NULL) return 1;
  uint8_t rest[16];
  return EVP_CIPHER_CTX_ctrl(worker->gcm, EVP_CTRL_AEAD_SET_TAG, 16, (void *)tag) == 1 &&
         EVP_DecryptFinal_ex(worker->gcm, rest, &written) == 1;
}
