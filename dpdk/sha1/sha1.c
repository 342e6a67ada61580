#include "martlet_sha1.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

int martlet_sha1_is_available(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  if (!(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  return (b & bit_SHA) != 0;
}

// Four rounds; `function` (0 … 3) chooses FIPS 180-4's f and K. `e` goes in as the word a of four rounds
// ago and comes out as this one's. The schedule's words are in their vectors with the first on top.
#define ROUNDS(function, e, next, words)        \
  do {                                          \
    e = _mm_sha1nexte_epu32(e, words);          \
    next = abcd;                                \
    abcd = _mm_sha1rnds4_epu32(abcd, e, function); \
  } while (0)

// Four words of the schedule from the sixteen before them; the oldest four make room.
#define SCHEDULE(oldest, second, third, latest)                        \
  oldest = _mm_sha1msg2_epu32(                                         \
      _mm_xor_si128(_mm_sha1msg1_epu32(oldest, second), third), latest)

__attribute__((target("sha,sse4.1,ssse3"))) void martlet_sha1_absorb(
    uint32_t *state, const void *block) {
  const __m128i order = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  const __m128i *from = block;
  const __m128i before = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0x1b);
  const __m128i before_e = _mm_set_epi32((int)state[4], 0, 0, 0);

  __m128i w0 = _mm_shuffle_epi8(_mm_loadu_si128(from), order);
  __m128i w1 = _mm_shuffle_epi8(_mm_loadu_si128(from + 1), order);
  __m128i w2 = _mm_shuffle_epi8(_mm_loadu_si128(from + 2), order);
  __m128i w3 = _mm_shuffle_epi8(_mm_loadu_si128(from + 3), order);

  __m128i abcd = before;
  __m128i e0 = _mm_add_epi32(before_e, w0);
  __m128i e1 = abcd;
  // The first four rounds take e itself, not a rotated a.
  abcd = _mm_sha1rnds4_epu32(abcd, e0, 0);
  ROUNDS(0, e1, e0, w1);
  ROUNDS(0, e0, e1, w2);
  ROUNDS(0, e1, e0, w3);
  SCHEDULE(w0, w1, w2, w3);
  ROUNDS(0, e0, e1, w0);
  SCHEDULE(w1, w2, w3, w0);
  ROUNDS(1, e1, e0, w1);
  SCHEDULE(w2, w3, w0, w1);
  ROUNDS(1, e0, e1, w2);
  SCHEDULE(w3, w0, w1, w2);
  ROUNDS(1, e1, e0, w3);
  SCHEDULE(w0, w1, w2, w3);
  ROUNDS(1, e0, e1, w0);
  SCHEDULE(w1, w2, w3, w0);
  ROUNDS(1, e1, e0, w1);
  SCHEDULE(w2, w3, w0, w1);
  ROUNDS(2, e0, e1, w2);
  SCHEDULE(w3, w0, w1, w2);
  ROUNDS(2, e1, e0, w3);
  SCHEDULE(w0, w1, w2, w3);
  ROUNDS(2, e0, e1, w0);
  SCHEDULE(w1, w2, w3, w0);
  ROUNDS(2, e1, e0, w1);
  SCHEDULE(w2, w3, w0, w1);
  ROUNDS(2, e0, e1, w2);
  SCHEDULE(w3, w0, w1, w2);
  ROUNDS(3, e1, e0, w3);
  SCHEDULE(w0, w1, w2, w3);
  ROUNDS(3, e0, e1, w0);
  SCHEDULE(w1, w2, w3, w0);
  ROUNDS(3, e1, e0, w1);
  SCHEDULE(w2, w3, w0, w1);
  ROUNDS(3, e0, e1, w2);
  SCHEDULE(w3, w0, w1, w2);
  ROUNDS(3, e1, e0, w3);

  const __m128i sum = _mm_add_epi32(abcd, before);
  const __m128i last = _mm_sha1nexte_epu32(e0, before_e);
  _mm_storeu_si128((__m128i *)state, _mm_shuffle_epi32(sum, 0x1b));
  state[4] = (uint32_t)_mm_extract_epi32(last, 3);
}

#else

int martlet_sha1_is_available(void) { return 0; }

void martlet_sha1_absorb(uint32_t *state, const void *block) {
  (void)state;
  (void)block;
  __builtin_trap();
}

#endif
