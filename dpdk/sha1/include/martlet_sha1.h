// SHA-1's compression function by the processor's own instructions, which Swift cannot reach: x86's SHA
// extensions (Intel's Software Developer's Manual, volume 2, SHA1RNDS4 and following). It can go when
// Swift has intrinsics for them. Where they are missing, Records computes in Swift.
#ifndef MARTLET_SHA1_H
#define MARTLET_SHA1_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Whether this processor has the instructions; asked once by the caller.
int martlet_sha1_is_available(void);

/// Takes one block of 64 bytes into the five words of `state` (FIPS 180-4, section 6.1.2). Only where
/// martlet_sha1_is_available() says so.
void martlet_sha1_absorb(uint32_t *_Nonnull state, const void *_Nonnull block);

#ifdef __cplusplus
}
#endif

#endif
