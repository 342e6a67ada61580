// libcurl as Swift sees it: curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot
// call, so each type of argument has a function of its own here.
#ifndef MARTLET_CCURL_H
#define MARTLET_CCURL_H

#include <curl/curl.h>

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value);
CURLcode ccurl_set_offset(CURL *handle, CURLoption option, curl_off_t value);
CURLcode ccurl_set_text(CURL *handle, CURLoption option, const char *value);
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, const void *value);
CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
/// Called with a piece of the answer; takes fewer bytes than it was given to abort.
typedef size_t (*ccurl_write_function)(char *bytes, size_t size, size_t count, void *context);
CURLcode ccurl_set_write_function(CURL *handle, CURLoption option, ccurl_write_function function);

CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value);
CURLcode ccurl_get_offset(CURL *handle, CURLINFO info, curl_off_t *value);
/// The text is libcurl's own, and good until the handle's next transfer.
CURLcode ccurl_get_text(CURL *handle, CURLINFO info, const char **value);
CURLcode ccurl_get_socket(CURL *handle, curl_socket_t *value);

/// The result of a transfer that has ended; -1 where none has.
int ccurl_multi_result(CURLM *multi);

#endif
