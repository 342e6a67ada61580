/// What went wrong with Redis, sorted by what to do about it.
package struct RedisFault: Error, CustomStringConvertible, Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    /// Not reachable, lost, or silent for too long.
    case connection
    /// Another writer holds the sensor's lease.
    case leaseHeld
    /// The lease was ours and is not any more; nothing was written.
    case leaseLost
    case authentication
    case permission
    case readOnly
    case outOfMemory
    case loading
    /// A cluster's other node serves these keys.
    case moved(host: String, port: Int)
    /// MISCONF, NOREPLICAS, CLUSTERDOWN, BUSY …: it will pass, or an operator will see to it.
    case unavailable
    case wrongType
    case smallID
    /// Any other error: the same command would be refused again.
    case refused
  }

  package var kind: Kind
  package var description: String

  init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  /// An error as Redis words it, with what would be right.
  ///
  /// - Parameter subject: what was asked, for the message: `AUTH at …`, a stream's key.
  init(answer text: String, to subject: String) {
    let text = String(text.prefix(1024))
    let (kind, advice) = Self.sort(text)
    self.init(kind, "\(subject): Redis says \"\(text)\"" + (advice.isEmpty ? "" : "; \(advice)"))
  }

  /// The first word of an error is its code (Redis's protocol specification, "Simple errors").
  private static func sort(_ text: String) -> (Kind, advice: String) {
    // What forbids each of a transaction's commands by the time of EXEC is said behind EXEC's own code.
    let discarded = "EXECABORT Transaction discarded because of: "
    let text = text.hasPrefix(discarded) ? String(text.dropFirst(discarded.count)) : text
    let words = text.split(separator: " ")
    switch words.first ?? "" {
    case "READONLY":
      return (.readOnly, "this is a replica: the url must name the master")
    case "OOM":
      return (
        .outOfMemory,
        "its maxmemory is reached: raise it or shorten the streams; records wait in the queue"
      )
    case "NOAUTH":
      return (.authentication, "the url or the settings must give a password")
    case "WRONGPASS":
      return (.authentication, "user name or password must be as in its ACL LIST or requirepass")
    case "NOPERM":
      return (
        .permission,
        "its user needs ~martlet:* and +xadd +xinfo +xrange +get +set +del +pexpire +pttl"
          + " +watch +multi +exec +select"
      )
    case "LOADING":
      return (.loading, "it is reading its data from disk and will be there soon")
    case "MOVED":
      // MOVED 3999 127.0.0.1:6381; the host may be an IPv6 address without brackets.
      if words.count >= 3, let colon = words[2].lastIndex(of: ":"),
        let port = Int(words[2][words[2].index(after: colon)...]), (1...65_535).contains(port)
      {
        let host = String(words[2][..<colon])
        return (.moved(host: host, port: port), "the sensor's slot is at \(words[2])")
      }
      return (.unavailable, "")
    case "WRONGTYPE":
      return (
        .wrongType, "the key holds something that is no stream: rename or delete it"
      )
    case "MISCONF":
      return (.unavailable, "it cannot save to disk and refuses to write until it can")
    case "NOREPLICAS":
      return (.unavailable, "fewer replicas are connected than its min-replicas-to-write")
    // Redis 6 and older: it has become a replica since MULTI.
    case "ERR" where text.contains("now a read-only replica"):
      return (.readOnly, "this is a replica: the url must name the master")
    // The reason has been said before, or never is: nothing was executed, so it may be tried again.
    case "EXECABORT": return (.unavailable, "")
    case "CLUSTERDOWN", "TRYAGAIN", "ASK", "BUSY", "MASTERDOWN", "UNKILLABLE":
      return (.unavailable, "")
    case "ERR":
      if text.contains("equal or smaller") {
        return (.smallID, "somebody else writes to this stream")
      }
      if text.contains("without any password configured") || text.contains("invalid password") {
        return (
          .authentication, "the password must be as in its requirepass, or absent without one"
        )
      }
      if text.contains("unknown command") {
        return (.refused, "Redis 5.0 or newer is needed, with no command of Martlet's renamed")
      }
      if text.contains("max number of clients") {
        return (.unavailable, "raise its maxclients")
      }
      return (.refused, "")
    default:
      return (.refused, "")
    }
  }
}
