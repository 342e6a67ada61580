#include "chiredis_tls.h"

#include <stdio.h>

// Package.swift defines it where it has found hiredis's TLS, and then links it.
#ifndef MARTLET_HIREDIS_TLS

static void say_absent(char *reason, size_t length) {
  snprintf(reason, length, "this build's hiredis has no TLS");
}

int chiredis_tls_is_available(void) { return 0; }

struct ssl_st *chiredis_tls_begin(void *context, const chiredis_tls_settings *settings,
                                  char *reason, size_t length) {
  (void)context, (void)settings;
  say_absent(reason, length);
  return NULL;
}

int chiredis_tls_handshake(struct ssl_st *session, const char *server_name, char *reason,
                           size_t length) {
  (void)session, (void)server_name;
  say_absent(reason, length);
  return -1;
}

int chiredis_tls_wants_to_write(const struct ssl_st *session) {
  (void)session;
  return 0;
}

ssize_t chiredis_tls_read(void *context, void *bytes, size_t capacity, char *reason,
                          size_t length) {
  (void)context, (void)bytes, (void)capacity;
  say_absent(reason, length);
  return -1;
}

int chiredis_tls_append(void *context, const void *bytes, size_t count) {
  (void)context, (void)bytes, (void)count;
  return -1;
}

int chiredis_tls_flush(void *context, char *reason, size_t length) {
  (void)context;
  say_absent(reason, length);
  return -1;
}

#else

#include <errno.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <string.h>
#include <time.h>

int chiredis_tls_is_available(void) { return 1; }

// MARK: SIGPIPE

// OpenSSL writes to its socket without MSG_NOSIGNAL, so a server that has gone would end the process.

typedef struct {
  sigset_t before;
  int was_pending;
} quiet;

static void quiet_begin(quiet *state) {
  sigset_t pipe, pending;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigemptyset(&pending);
  sigpending(&pending);
  state->was_pending = sigismember(&pending, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &state->before);
}

static void quiet_end(const quiet *state, int has_failed) {
  int saved = errno;
  if (has_failed && !state->was_pending) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    struct timespec now = {0, 0};
    while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &state->before, NULL);
  errno = saved;
}

// MARK: What went wrong

// The certificate's fault, with what would be right.
static void say_certificate(long result, const char *name, char *reason, size_t length) {
  const char *fault = X509_verify_cert_error_string(result);
  const char *advice;
  switch (result) {
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    snprintf(reason, length,
             "the server's certificate is not for %s (%s): the url must have a name that is in it",
             name, fault);
    return;
  case X509_V_ERR_CERT_HAS_EXPIRED:
    advice = "renew it, or look at this machine's clock";
    break;
  case X509_V_ERR_CERT_NOT_YET_VALID:
    advice = "look at this machine's clock and the server's";
    break;
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    advice = "the CA file must hold the authority that has signed it";
    break;
  default:
    advice = "it must be one that the CA file's authority has signed for this server";
  }
  snprintf(reason, length, "the server's certificate is not accepted (%s): %s", fault, advice);
}

// OpenSSL's last error, or the system's where it has none.
static void say_last(const char *subject, int system_error, char *reason, size_t length) {
  unsigned long code = ERR_peek_last_error();
  const char *text = code ? ERR_reason_error_string(code) : NULL;
  if (ERR_GET_LIB(code) == ERR_LIB_SYS) text = strerror(ERR_GET_REASON(code));
  const char *advice = "";
  switch (code && ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0) {
  case SSL_R_WRONG_VERSION_NUMBER:
    advice = ": the server speaks no TLS there; redis:// or its tls-port would be right";
    break;
#ifdef SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED
  case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
#endif
  case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    advice = ": it may want a client's certificate (tls-auth-clients)";
    break;
  case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
  case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    advice = ": the server does not accept this client's certificate";
    break;
  default:
    break;
  }
  if (!text) text = system_error ? strerror(system_error) : "the server has closed the connection";
  snprintf(reason, length, "%s%s%s%s", subject, *subject ? ": " : "", text, advice);
}

// Whether an error stands for an end without TLS's own goodbye, which is usual.
static int is_end(void) {
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
  unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_SSL &&
         ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
#else
  return 0;
#endif
}

// MARK: The handshake

static int configure(SSL_CTX *all, const chiredis_tls_settings *settings, char *reason,
                     size_t length) {
  SSL_CTX_set_verify(all, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_options(all, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  if (SSL_CTX_set_min_proto_version(all, TLS1_2_VERSION) != 1) {
    say_last("OpenSSL refuses TLS 1.2", 0, reason, length);
    return -1;
  }
  if (settings->ca_file) {
    if (SSL_CTX_load_verify_locations(all, settings->ca_file, NULL) != 1) {
      snprintf(reason, length, "%s cannot be read, or holds no certificate in PEM",
               settings->ca_file);
      return -1;
    }
  } else if (SSL_CTX_set_default_verify_paths(all) != 1) {
    say_last("the system's certificate authorities", 0, reason, length);
    return -1;
  }
  if (!settings->certificate_file != !settings->key_file) {
    snprintf(reason, length, "a client's certificate and its key are wanted both, or none");
    return -1;
  }
  if (settings->certificate_file) {
    if (SSL_CTX_use_certificate_chain_file(all, settings->certificate_file) != 1) {
      snprintf(reason, length, "%s cannot be read, or holds no certificate in PEM",
               settings->certificate_file);
      return -1;
    }
    if (SSL_CTX_use_PrivateKey_file(all, settings->key_file, SSL_FILETYPE_PEM) != 1) {
      snprintf(reason, length,
               "%s cannot be read, or holds no key in PEM that belongs to the certificate",
               settings->key_file);
      return -1;
    }
  }
  return 0;
}

// Nobody is asked for a passphrase at a terminal.
static int no_passphrase(char *buffer, int size, int is_writing, void *data) {
  (void)buffer, (void)size, (void)is_writing, (void)data;
  return -1;
}

static int expect_name(SSL *session, const char *name, char *reason, size_t length) {
  X509_VERIFY_PARAM *rules = SSL_get0_param(session);
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // An empty name would mean: any server.
  if (*name && X509_VERIFY_PARAM_set1_ip_asc(rules, name) == 1) return 0;
  // RFC 6066, section 3: no address is sent as a server's name.
  if (*name && SSL_set1_host(session, name) == 1 && SSL_set_tlsext_host_name(session, name) == 1)
    return 0;
  snprintf(reason, length, "\"%s\" is no name that a certificate could be for", name);
  return -1;
}

struct ssl_st *chiredis_tls_begin(void *context, const chiredis_tls_settings *settings,
                                  char *reason, size_t length) {
  ERR_clear_error();
  SSL_CTX *all = SSL_CTX_new(TLS_client_method());
  if (!all) {
    say_last("OpenSSL", 0, reason, length);
    return NULL;
  }
  SSL_CTX_set_default_passwd_cb(all, no_passphrase);
  SSL *session = NULL;
  if (configure(all, settings, reason, length) == 0) {
    session = SSL_new(all);
    if (!session) say_last("OpenSSL", 0, reason, length);
  }
  // The session keeps it as long as it needs it.
  SSL_CTX_free(all);
  if (!session) return NULL;
  if (expect_name(session, settings->server_name, reason, length) != 0) {
    SSL_free(session);
    return NULL;
  }
  quiet state;
  quiet_begin(&state);
  int result = redisInitiateSSL(context, session);
  quiet_end(&state, result != REDIS_OK);
  if (result == REDIS_OK) return session;
  long verified = SSL_get_verify_result(session);
  if (verified != X509_V_OK)
    say_certificate(verified, settings->server_name, reason, length);
  else
    say_last("TLS handshake", errno, reason, length);
  SSL_free(session);
  return NULL;
}

int chiredis_tls_handshake(struct ssl_st *session, const char *server_name, char *reason,
                           size_t length) {
  quiet state;
  quiet_begin(&state);
  ERR_clear_error();
  errno = 0;
  int result = SSL_do_handshake(session);
  int system_error = errno;
  quiet_end(&state, result != 1);
  long verified = SSL_get_verify_result(session);
  if (result == 1 && verified == X509_V_OK) return 1;
  if (result != 1) {
    int kind = SSL_get_error(session, result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return 0;
    if (kind == SSL_ERROR_SYSCALL && result == 0) system_error = 0;
  }
  if (verified != X509_V_OK)
    say_certificate(verified, server_name, reason, length);
  else if (is_end())
    snprintf(reason, length, "TLS handshake: the server has closed the connection");
  else
    say_last("TLS handshake", system_error, reason, length);
  return -1;
}

int chiredis_tls_wants_to_write(const struct ssl_st *session) {
  return SSL_want(session) == SSL_WRITING;
}

// MARK: Bytes

ssize_t chiredis_tls_read(void *context, void *bytes, size_t capacity, char *reason,
                          size_t length) {
  redisContext *connection = context;
  quiet state;
  quiet_begin(&state);
  // hiredis asks OpenSSL what has failed, and OpenSSL asks this thread's list of errors.
  ERR_clear_error();
  errno = 0;
  ssize_t count = connection->funcs->read(connection, bytes, capacity);
  int system_error = errno;
  quiet_end(&state, count < 0);
  if (count >= 0) return count;
  // hiredis takes a server's alert for its end, too; OpenSSL knows better.
  if (is_end()) return -2;
  if (!ERR_peek_last_error() && (connection->err == REDIS_ERR_EOF || !system_error)) return -2;
  say_last("", system_error, reason, length);
  return -1;
}

int chiredis_tls_append(void *context, const void *bytes, size_t count) {
  return redisAppendFormattedCommand(context, bytes, count) == REDIS_OK ? 0 : -1;
}

int chiredis_tls_flush(void *context, char *reason, size_t length) {
  quiet state;
  quiet_begin(&state);
  ERR_clear_error();
  errno = 0;
  int is_done = 0;
  int result = redisBufferWrite(context, &is_done);
  int system_error = errno;
  if (result != REDIS_OK && !ERR_peek_last_error()) {
    // A server that has hung up may have said why before, as with a client's certificate that it
    // misses: the handshake of TLS 1.3 is done here before the server has looked for it.
    redisContext *connection = context;
    char last;
    connection->funcs->read(connection, &last, 1);
  }
  quiet_end(&state, result != REDIS_OK);
  if (result == REDIS_OK) return is_done ? 1 : 0;
  say_last("", system_error, reason, length);
  return -1;
}

#endif
