internal import Glibc

/// Syslog over TCP or TLS.
///
/// Syslog has no acknowledgement. A record counts as delivered once the receiver's kernel has
/// acknowledged all of it (SIOCOUTQ says how much that is): what was under way when a connection
/// broke is delivered again. What the receiver's kernel had and the receiver had not yet read or
/// stored is covered by ``SyslogResendWindow``.
package final class SyslogStreamTarget: ForwardTarget {
  private let settings: SyslogSettings
  private let writer: SyslogMessageWriter
  private var connection: SyslogConnection?
  private var window: SyslogResendWindow
  private var probation: SyslogProbation
  /// Of the last delivery: it ends what ``tick()`` does as well.
  private var interruption: Interruption?

  /// Connections that came about.
  package private(set) var connections = 0
  /// Connections that were lost.
  package private(set) var connectionsLost = 0
  /// Records of the resend window that were sent once more.
  package private(set) var recordsResent = 0

  package init(settings: SyslogSettings) {
    self.settings = settings
    writer = SyslogMessageWriter(settings: settings)
    window = SyslogResendWindow(
      limitBytes: settings.resendBytes, limitSeconds: settings.resendSeconds)
    probation = SyslogProbation(firstSeconds: settings.probationSeconds)
  }

  package let name = "syslog"
  package var destination: String { settings.destination.description }
  package let limits = BatchLimits(records: 10_000, bytes: 4 << 20)

  package func open() throws(TargetFault) {
    _ = try connected(within: min(settings.timeoutSeconds, 5))
  }

  package func deliver(
    _ batch: [ForwardRecord], interruption: Interruption
  ) throws(TargetFault) -> [DeliveryOutcome] {
    self.interruption = interruption
    var outcomes = [DeliveryOutcome](repeating: .delivered, count: batch.count)
    let frames = frames(of: batch, refusals: &outcomes)
    guard !frames.frames.isEmpty else { return outcomes }

    let connection = try connected(within: settings.timeoutSeconds)
    var acknowledged = 0
    do throws(TargetFault) {
      try transmit(frames.bytes[...], over: connection, acknowledged: &acknowledged)
      window.append(frames.bytes[...], records: frames.frames.count, at: .now)
    } catch {
      lose()
      let arrived = frames.frames.prefix { $0.end <= acknowledged }
      window.append(
        frames.bytes[..<(arrived.last?.end ?? 0)], records: arrived.count, at: .now)
      if interruption.isSet || arrived.isEmpty { throw error }
      for frame in frames.frames[arrived.count...] {
        outcomes[frame.index] = .again(error.description)
      }
    }
    return outcomes
  }

  package func tick() throws(TargetFault) {
    if let connection {
      do throws(TargetFault) {
        try connection.drain()
        window.trim(now: .now)
      } catch {
        lose()
        settings.report(error.description)
      }
    }
    // What may be lost is sent now, and not when the next record comes, which may be in an hour.
    if connection == nil, !window.isEmpty { _ = try connected(within: 2) }
  }

  package func close() { connection = nil }

  // MARK: Sending

  private func frames(
    of batch: [ForwardRecord], refusals: inout [DeliveryOutcome]
  ) -> SyslogFrames {
    let size = batch.reduce(0) { $0 + $1.document.bytes.count + 256 }
    var frames = SyslogFrames(capacity: size)
    var message: [UInt8] = []
    for (index, record) in batch.enumerated() {
      message.removeAll(keepingCapacity: true)
      writer.write(record, to: &message)
      if message.count <= settings.messageLimitBytes {
        frames.append(message: message, index: index)
      } else {
        refusals[index] = SyslogRefusal.tooLong(
          message.count, limit: settings.messageLimitBytes)
      }
    }
    return frames
  }

  /// Sends all of it and waits until all of it is acknowledged. `acknowledged` counts what is
  /// certain, also where this throws.
  private func transmit(
    _ bytes: ArraySlice<UInt8>, over connection: SyslogConnection, acknowledged: inout Int
  ) throws(TargetFault) {
    var fault: TargetFault?
    bytes.withUnsafeBytes { buffer in
      do throws(TargetFault) {
        try transmit(buffer, over: connection, acknowledged: &acknowledged)
      } catch { fault = error }
    }
    if let fault { throw fault }
  }

  private func transmit(
    _ bytes: UnsafeRawBufferPointer, over connection: SyslogConnection, acknowledged: inout Int
  ) throws(TargetFault) {
    var sent = 0
    var idleRounds = 0
    var progressed = ContinuousClock.now
    while acknowledged < bytes.count {
      if interruption?.isSet == true { throw TargetFault("interrupted while sending") }
      var hasProgress = false
      if sent < bytes.count {
        let end = min(sent + Self.pieceBytes, bytes.count)
        let count = try connection.send(UnsafeRawBufferPointer(rebasing: bytes[sent..<end]))
        sent += count
        hasProgress = count > 0
      }
      let certain = try connection.acknowledged(of: sent)
      if certain > acknowledged {
        acknowledged = certain
        hasProgress = true
      }
      if hasProgress {
        idleRounds = 0
        progressed = .now
        continue
      }
      try connection.drain()
      if ContinuousClock.now - progressed > .seconds(settings.timeoutSeconds) {
        throw TargetFault(
          "\(settings.destination) has taken nothing for \(settings.timeoutSeconds) s; "
            + "the connection is given up")
      }
      idleRounds += 1
      if sent < bytes.count {
        connection.wait(writing: true, milliseconds: 100)
      } else if idleRounds > 10 {
        connection.wait(writing: false, milliseconds: min(Int32(idleRounds / 10), 10))
      } else {
        // An acknowledgement wakes nobody, and on a fast network it comes within this.
        usleep(50)
      }
    }
  }

  /// What is handed to the kernel at once.
  private static let pieceBytes = 256 << 10

  // MARK: The connection

  /// The connection that there is, when it still lives; else a new one, over which the resend
  /// window has gone first.
  private func connected(within seconds: Double) throws(TargetFault) -> SyslogConnection {
    if let connection {
      do throws(TargetFault) {
        try connection.drain()
        return connection
      } catch {
        lose()
        settings.report(error.description)
      }
    }
    let connection = try SyslogConnection(destination: settings.destination, tls: settings.tls)
    try connection.connect(interruption: interruption, within: seconds)
    connections += 1
    probation.began(at: .now)
    do throws(TargetFault) {
      for piece in window.contents {
        var acknowledged = 0
        try transmit(piece, over: connection, acknowledged: &acknowledged)
      }
      try prove(connection)
    } catch {
      probation.lost(at: .now)
      connectionsLost += 1
      throw error
    }
    if !window.isEmpty {
      recordsResent += window.recordCount
      settings.report(
        "connected to \(settings.destination) again; the last \(window.recordCount) records "
          + "(\(window.byteCount) bytes) were sent once more")
      window.refresh(at: .now)
    }
    self.connection = connection
    return connection
  }

  /// Waits while the connection is on probation; throws where it does not outlive that.
  private func prove(_ connection: SyslogConnection) throws(TargetFault) {
    while probation.isOn(at: .now) {
      if interruption?.isSet == true { throw TargetFault("interrupted while connecting") }
      try connection.drain()
      connection.wait(writing: false, milliseconds: Int32(probation.pauseMilliseconds(at: .now)))
    }
    try connection.drain()
  }

  private func lose() {
    guard connection != nil else { return }
    connection = nil
    connectionsLost += 1
    probation.lost(at: .now)
  }
}

extension SyslogStreamTarget {
  package var figures: [TargetFigure] {
    [
      TargetFigure("connections", connections), TargetFigure("connections lost", connectionsLost),
      TargetFigure("sent again after a lost connection", recordsResent),
    ]
  }
}
