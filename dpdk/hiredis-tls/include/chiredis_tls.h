// TLS on a hiredis connection, by hiredis's own libhiredis_ssl (hiredis 1.0 or newer).
//
// A context is a redisContext *, which stands as void * here so that the structure is defined in one
// module alone. It must have been made by one of hiredis's NonBlock functions. The session belongs to
// the context from chiredis_tls_begin() on, and goes with redisFree().
//
// Where something fails, `reason` holds why, in words and with a zero at its end, cut to `length` bytes.
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct ssl_st;

typedef struct {
  /// Of the authorities that may sign the server's certificate, PEM; NULL: those of the system.
  const char *_Nullable ca_file;
  /// The client's own, PEM; both or none.
  const char *_Nullable certificate_file;
  const char *_Nullable key_file;
  /// What the server's certificate must be for: a host's name, or an IPv4 or IPv6 address.
  const char *_Nonnull server_name;
} chiredis_tls_settings;

/// Whether this build has it; where not, all that follows fails.
int chiredis_tls_is_available(void);

/// Sends the first bytes of a handshake, which chiredis_tls_handshake() goes on with. NULL: it failed.
struct ssl_st *_Nullable chiredis_tls_begin(void *_Nonnull context,
                                            const chiredis_tls_settings *_Nonnull settings,
                                            char *_Nonnull reason, size_t length);

/// 1: done, and the server is who it should be; 0: would block; -1: failed. The name is for `reason`.
int chiredis_tls_handshake(struct ssl_st *_Nonnull session, const char *_Nonnull server_name,
                           char *_Nonnull reason, size_t length);

/// Whether what would block waits for room to send rather than for bytes to read.
int chiredis_tls_wants_to_write(const struct ssl_st *_Nonnull session);

/// Returns how many bytes came; 0: would block; -1: failed; -2: the server has closed the connection.
ssize_t chiredis_tls_read(void *_Nonnull context, void *_Nonnull bytes, size_t capacity,
                          char *_Nonnull reason, size_t length);

/// Puts bytes behind those that wait in the context for chiredis_tls_flush(); -1: no memory.
int chiredis_tls_append(void *_Nonnull context, const void *_Nonnull bytes, size_t count);

/// 1: nothing waits any more; 0: would block; -1: failed.
int chiredis_tls_flush(void *_Nonnull context, char *_Nonnull reason, size_t length);
