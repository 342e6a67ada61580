/// What an answer's status says of the records that were sent.
package enum HTTPVerdict: Sendable {
  /// 2xx.
  case accepted
  /// The request was too large (413): less of it may do.
  case tooLarge(String)
  /// Something in the request is not to the server's liking (400, 422): one of the records, perhaps.
  case invalid(String)
  /// It is not the records' fault, and they are to be kept.
  case fault(TargetFault)

  /// - Parameter credentials: what to give where the server does not know this side.
  package init(_ answer: HTTPAnswer, credentials: String) {
    let status = answer.status
    let said = answer.body.isEmpty ? "" : ": \(answer.excerpt)"
    switch status {
    case 200..<300: self = .accepted
    case 300..<400:
      let place = answer.redirect.map { " to \($0)" } ?? ""
      self = .fault(
        TargetFault(
          "the server redirects\(place) (status \(status)), and redirects are not followed: give "
            + "the address that it should be"))
    case 400, 422: self = .invalid("status \(status)\(said)")
    case 413: self = .tooLarge("status 413, too large\(said)")
    case 401:
      self = .fault(TargetFault("status 401, not known to the server: \(credentials)\(said)"))
    case 403: self = .fault(TargetFault("status 403, not allowed: \(credentials)\(said)"))
    case 404, 405, 410:
      self = .fault(
        TargetFault(
          "status \(status), nothing takes records at this address: check its path\(said)"))
    case 407: self = .fault(TargetFault("status 407, the proxy wants to know who this is\(said)"))
    case 408, 429, 502, 503, 504:
      self = .fault(
        TargetFault(
          "status \(status), \(Self.wait(status))\(said)",
          retryAfterSeconds: answer.retryAfterSeconds))
    default:
      self = .fault(
        TargetFault("status \(status)\(said)", retryAfterSeconds: answer.retryAfterSeconds))
    }
  }

  private static func wait(_ status: Int) -> String {
    switch status {
    case 408: "the server waited too long"
    case 429: "too many requests"
    case 503: "the server is busy"
    default: "the server behind the proxy does not answer"
    }
  }
}
