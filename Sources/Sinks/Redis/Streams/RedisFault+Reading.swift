extension RedisFault {
  /// An error that Redis answered to a reader of streams, with what would be right for a reader.
  package static func reading(_ text: String, _ subject: String) -> RedisFault {
    let fault = RedisFault(answer: text, to: subject)
    switch fault.kind {
    case .permission:
      return RedisFault(
        .permission,
        "\(subject): Redis says \"\(text)\"; its user needs ~martlet:* and +@stream +scan +type"
          + " +info +multi +exec +select")
    case .readOnly:
      return RedisFault(
        .readOnly,
        "\(subject): Redis says \"\(text)\"; this is a replica, and what has been delivered must be"
          + " noted: the url must name the master")
    case .outOfMemory:
      return RedisFault(
        .outOfMemory,
        "\(subject): Redis says \"\(text)\"; its maxmemory is reached: raise it or shorten the"
          + " streams")
    default: return fault
    }
  }

  /// Redis answered, but not as its documentation says.
  package static func strange(_ subject: String) -> RedisFault {
    RedisFault(.refused, "\(subject): the answer is none that Redis gives; is this Redis?")
  }
}
