/// What Redis answered to MULTI, PEXPIRE, `commands` commands, EXEC, WATCH and GET.
struct RedisTransactionAnswer {
  enum Outcome: Equatable {
    /// Executed; each command has its own verdict in `refusals`.
    case executed
    /// The lease had changed: nothing was executed.
    case fenced
    /// Refused while it was being queued, for this reason: nothing was executed.
    case aborted(String)
    /// MULTI did not hold: what was executed must be looked up.
    case outOfStep(String)
  }

  let outcome: Outcome
  /// By index of the command: the error Redis answered.
  private(set) var refusals: [Int: String] = [:]
  private let leaseFault: RedisFault?

  init(from client: RedisClient, commands: Int, lease: RedisLease) throws(RedisFault) {
    var firstError = try client.nextReply().errorText
    var outOfStep = firstError != nil
    for _ in 0...commands {
      let reply = try client.nextReply()
      if let error = reply.errorText {
        firstError = firstError ?? error
        // The connection ends after this one; waiting for more answers would hide the reason.
        if error.hasPrefix("ERR Protocol error") {
          outcome = .aborted(error)
          leaseFault = RedisFault(answer: error, to: lease.key)
          return
        }
      } else if !reply.isQueued {
        outOfStep = true
      }
    }
    let exec = try client.nextReply()
    if outOfStep {
      outcome = .outOfStep(firstError ?? "commands were executed outside MULTI")
    } else if let error = exec.errorText {
      // EXECABORT only says that something was refused before; the reason came then.
      outcome = .aborted(firstError ?? error)
    } else if exec.isNull {
      outcome = .fenced
    } else {
      outcome = .executed
      for index in 0..<commands {
        // Element 0 is PEXPIRE's.
        if let error = exec.elementError(index + 1) { refusals[index] = error }
      }
    }
    do throws(RedisFault) {
      try lease.readCheck(from: client)
      leaseFault = nil
    } catch {
      if error.kind == .connection { throw error }
      leaseFault = error
    }
  }

  /// Throws unless the transaction was executed.
  func requireExecuted(lease: RedisLease) throws(RedisFault) {
    switch outcome {
    case .executed: return
    case .fenced:
      throw RedisFault(.leaseLost, "\(lease.key) changed hands or expired; nothing was written")
    case .aborted(let error): throw RedisFault(answer: error, to: lease.key)
    case .outOfStep(let error):
      throw RedisFault(.connection, "MULTI did not hold: \(error)")
    }
  }

  /// The lease was ours after the transaction, and is watched from there on.
  var holdsLease: Bool { leaseFault == nil }

  /// Throws unless the lease was ours after the transaction, and is watched from there on.
  func requireLease() throws(RedisFault) {
    if let leaseFault { throw leaseFault }
  }
}
