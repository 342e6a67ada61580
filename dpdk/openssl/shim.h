// Digests from OpenSSL's libcrypto.
#include <openssl/sha.h>
