// CCrypto by itself: `make check-crypto` builds it twice, with the sanitizers and, to count what is
// allocated, without.
//
// Every buffer has exactly the size that the headers name, on the heap, so that the address sanitizer sees a
// byte too many on either side.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ccrypto.h"
#include "ccrypto_quic.h"

#ifdef CHECK_COUNTS
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
static long allocations;
void *malloc(size_t bytes) { return allocations++, __libc_malloc(bytes); }
void *calloc(size_t count, size_t bytes) { return allocations++, __libc_calloc(count, bytes); }
void *realloc(void *old, size_t bytes) { return allocations++, __libc_realloc(old, bytes); }
#else
static const long allocations = 0;
#endif

static uint32_t state = 1;
static uint8_t random_byte(void) { return (uint8_t)((state = state * 1664525 + 1013904223) >> 24); }

static uint8_t *heap(size_t count) {
  uint8_t *bytes = malloc(count > 0 ? count : 1);
  for (size_t i = 0; i < count; i++) bytes[i] = random_byte();
  return bytes;
}

static const uint8_t *octets(const char *text) { return (const uint8_t *)text; }

static uint8_t *hex(const char *digits) {
  size_t count = strlen(digits) / 2;
  uint8_t *bytes = heap(count);
  for (size_t i = 0; i < count; i++) {
    unsigned value;
    assert(sscanf(digits + 2 * i, "%2x", &value) == 1);
    bytes[i] = (uint8_t)value;
  }
  return bytes;
}

static void is(const uint8_t *bytes, const char *digits) {
  uint8_t *wanted = hex(digits);
  assert(memcmp(bytes, wanted, strlen(digits) / 2) == 0);
  free(wanted);
}

// RFC 9001, appendix A.1.
static void check_keys(struct ccrypto_worker *worker) {
  uint8_t *salt = hex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), *id = hex("8394c8f03e515708");
  uint8_t *initial = heap(32), *client = heap(32), *key = heap(16), *nonce = heap(12);
  uint8_t *hp = heap(16);
  ccrypto_hkdf_extract(salt, 20, id, 8, initial);
  assert(ccrypto_hkdf_expand_label(initial, octets("client in"), 9, client, 32) == 1);
  is(client, "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea");
  assert(ccrypto_hkdf_expand_label(client, octets("quic key"), 8, key, 16) == 1);
  is(key, "1f369613dd76d5467730efcbe3b1a22d");
  assert(ccrypto_hkdf_expand_label(client, octets("quic iv"), 7, nonce, 12) == 1);
  is(nonce, "fa044b2f42a3fd3b46fb255c");
  assert(ccrypto_hkdf_expand_label(client, octets("quic hp"), 7, hp, 16) == 1);
  is(hp, "9f50449e04a0e810283a1e9933adedd2");
  uint8_t *sample = hex("d1b1c98dd7689fb8ec11d242b123dc9b"), *mask = heap(16);
  assert(ccrypto_aes128_block(worker, hp, sample, mask) == 1);
  is(mask, "437b9aec36");
  // Beyond the limits nothing is written.
  uint8_t *label = heap(33);
  assert(ccrypto_hkdf_expand_label(client, label, 33, key, 16) == 0);
  assert(ccrypto_hkdf_expand_label(client, label, 32, initial, 32) == 1);
  assert(ccrypto_hkdf_expand_label(client, label, 0, key, 33) == 0);
  is(key, "1f369613dd76d5467730efcbe3b1a22d");
  // A salt longer than SHA-256's block is hashed first (RFC 2104, section 2).
  for (size_t count = 0; count < 200; count += 63) {
    uint8_t *longer = heap(count);
    ccrypto_hkdf_extract(longer, count, id, 8, initial);
    free(longer);
  }
  uint8_t *all[] = {salt, id, initial, client, key, nonce, hp, sample, mask, label};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

// Test case 4 of the specification of GCM, as one has it who knows no header of his own.
static void check_packets(struct ccrypto_worker *worker) {
  uint8_t *key = hex("feffe9928665731c6d6a8f9467308308"), *nonce = hex("cafebabefacedbaddecaf888");
  uint8_t *header = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  uint8_t *sealed = hex(
      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05"
      "1ba30b396a0aac973d58e091");
  uint8_t *tag = hex("5bc94fbc3221a5db94fae95ae7121a47"), *open = heap(60);
  assert(ccrypto_aes128_gcm_open(worker, key, nonce, header, 20, sealed, 60, tag, open) == 1);
  is(open, "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
           "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  assert(ccrypto_aes128_gcm_open(worker, key, nonce, header, 20, sealed, 60, NULL, open) == 1);
  tag[15] ^= 1;
  assert(ccrypto_aes128_gcm_open(worker, key, nonce, header, 20, sealed, 60, tag, open) == 0);
  for (size_t count = 0; count < 64; count++) {
    uint8_t *input = heap(count), *output = heap(count);
    (void)ccrypto_aes128_gcm_open(worker, key, nonce, header, count % 21, input, count, tag,
                                  output);
    free(input);
    free(output);
  }
  uint8_t *all[] = {key, nonce, header, sealed, tag, open};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

// A body compressed, then taken in pieces into pieces; some of its bytes changed.
static void check_body(void *context, int bits, size_t count, int changes) {
  uint8_t *plain = heap(count), *packed = heap(count + 1024);
  for (size_t i = 0; i < count; i += 3) plain[i] = 'a';
  z_stream deflater = {0};
  assert(deflateInit2(&deflater, 9, Z_DEFLATED, bits, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  deflater.next_in = plain;
  deflater.avail_in = (uInt)count;
  deflater.next_out = packed;
  deflater.avail_out = (uInt)(count + 1024);
  assert(deflate(&deflater, Z_FINISH) == Z_STREAM_END);
  size_t length = deflater.total_out, place = 0, total = 0;
  assert(deflateEnd(&deflater) == Z_OK);
  for (int i = 0; i < changes; i++) packed[(size_t)random_byte() * length / 256] = random_byte();
  cinflate_begin(context, bits < 16);
  int result = 0;
  while (place < length && result == 0) {
    size_t piece = 1 + random_byte(), room = 1 + random_byte(), read, written;
    if (piece > length - place) piece = length - place;
    uint8_t *input = heap(piece), *output = heap(room);
    memcpy(input, packed + place, piece);
    result = cinflate_add(context, input, piece, &read, output, room, &written);
    assert(read <= piece && written <= room);
    if (changes == 0) assert(result >= 0 && memcmp(output, plain + total, written) == 0);
    place += read;
    total += written;
    free(input);
    free(output);
    if (read == 0 && written == 0) break;
  }
  // What is left to be written comes with no more input than the last byte's.
  if (changes == 0) assert(total <= count && place == length);
  free(plain);
  free(packed);
}

int main(void) {
  struct ccrypto_worker *worker = ccrypto_worker_create();
  assert(worker != NULL);
  void *context = aligned_alloc(16, CINFLATE_BYTES);
  assert(cinflate_set_up(context) == 0);
  uint8_t *digest = heap(CCRYPTO_SHA256_BYTES), *sha1 = heap(CCRYPTO_SHA1_BYTES);
  uint8_t *md5 = heap(CCRYPTO_MD5_BYTES);
  ccrypto_sha256(octets("abc"), 3, digest);
  is(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  ccrypto_sha1(octets("abc"), 3, sha1);
  is(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
  ccrypto_md5(octets("abc"), 3, md5);
  is(md5, "900150983cd24fb0d6963f7d28e17f72");
  check_keys(worker);
  check_packets(worker);
  static const int formats[] = {15 + 16, 15, -15, 9, 9 + 16, -9};
  for (int round = 0; round < 300; round++) {
    for (size_t format = 0; format < 6; format++) {
      check_body(context, formats[format], (size_t)random_byte() * 300, round % 3);
    }
  }
  // Behind set-up: whatever is asked, nothing is allocated.
  uint8_t *input = heap(1200), *output = heap(1200), *key = heap(16), *nonce = heap(12);
  uint8_t *tag = heap(16);
  long before = allocations;
  for (int i = 0; i < 10000; i++) {
    key[0] = (uint8_t)i;
    (void)ccrypto_aes128_block(worker, key, input, output);
    (void)ccrypto_aes128_gcm_open(worker, key, nonce, input, 20, input, 1200, i % 3 ? tag : NULL,
                                  output);
    (void)ccrypto_hkdf_expand_label(digest, octets("quic key"), 8, output, 16);
    ccrypto_hkdf_extract(key, 16, digest, 32, output);
    ccrypto_sha256(input, 1200, output);
    size_t read, written;
    cinflate_begin(context, i & 1);
    (void)cinflate_add(context, input, 1200, &read, output, 1200, &written);
  }
  assert(allocations == before);
  uint8_t *all[] = {digest, sha1, md5, input, output, key, nonce, tag};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  ccrypto_worker_destroy(worker);
  free(context);
  puts("check-crypto: keys, packets, digests and bodies as they should be, nothing allocated");
  return 0;
}
