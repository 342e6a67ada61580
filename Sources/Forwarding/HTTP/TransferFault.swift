internal import CCurl

/// Why a request got no answer, in words that say what to do.
enum TransferFault {
  /// - Parameters:
  ///   - result: libcurl's.
  ///   - detail: what libcurl wrote into its error buffer.
  ///   - verification: OpenSSL's result of the certificate's verification (`X509_V_ERR_…`).
  static func fault(
    _ result: CURLcode, detail: String, verification: Int, settings: HTTPSettings
  ) -> TargetFault {
    let place = settings.url.authority
    let more = detail.isEmpty ? String(cString: curl_easy_strerror(result)) : detail
    switch result {
    case CURLE_PEER_FAILED_VERIFICATION:
      return TargetFault(certificate(verification, place, more))
    case CURLE_SSL_CACERT_BADFILE:
      return TargetFault("the authorities' file cannot be used: \(more)")
    case CURLE_SSL_CERTPROBLEM:
      return TargetFault("the client certificate or its key cannot be used: \(more)")
    case CURLE_COULDNT_RESOLVE_HOST: return TargetFault("\(place) is not known by name: \(more)")
    case CURLE_COULDNT_RESOLVE_PROXY:
      return TargetFault("the proxy is not known by name: \(more)")
    case CURLE_COULDNT_CONNECT: return TargetFault("\(place) cannot be reached: \(more)")
    case CURLE_OPERATION_TIMEDOUT:
      return TargetFault("\(place) did not answer in time: \(more)")
    case CURLE_GOT_NOTHING: return TargetFault("\(place) closed the connection without an answer")
    case CURLE_PARTIAL_FILE:
      return TargetFault("\(place) closed the connection within its answer: \(more)")
    case CURLE_WRITE_ERROR:
      return TargetFault(
        "\(place) answered with more than the \(settings.maximumAnswerBytes) bytes that are read")
    case CURLE_SSL_CONNECT_ERROR:
      return TargetFault("no TLS with \(place) (does it speak TLS at this port?): \(more)")
    default: return TargetFault("\(place): \(more)")
    }
  }

  private static func certificate(_ verification: Int, _ place: String, _ more: String) -> String {
    switch verification {
    case 9: "the certificate of \(place) is not valid yet: check the clocks (\(more))"
    case 10: "the certificate of \(place) has expired: it must be renewed (\(more))"
    case 2, 18, 19, 20, 21:
      "the certificate of \(place) is signed by an authority that is not known here: give the "
        + "authority's certificate with --ca-file (\(more))"
    case 23: "the certificate of \(place) was revoked (\(more))"
    // 1 is libcurl's "not verified yet": the name is looked at before the chain.
    case 0, 1, 62, 64:
      "the certificate of \(place) is for another name: use a name that it has (\(more))"
    default: "the certificate of \(place) is not to be trusted (\(more))"
    }
  }
}
