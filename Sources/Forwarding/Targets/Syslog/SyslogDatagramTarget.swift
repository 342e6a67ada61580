internal import Glibc

/// Syslog over UDP (RFC 5426): a message a datagram.
///
/// Delivered means here that the kernel has sent it. The only answer that there may be is that
/// nobody listens (ICMP port unreachable): then the batch is delivered again.
package final class SyslogDatagramTarget: ForwardTarget {
  private let settings: SyslogSettings
  private let writer: SyslogMessageWriter
  private var socket: SyslogDatagramSocket?
  private var pace: SyslogPace?

  package init(settings: SyslogSettings) {
    self.settings = settings
    writer = SyslogMessageWriter(settings: settings)
    pace = settings.maximumPerSecond.map { SyslogPace(perSecond: $0, from: .now) }
  }

  package let name = "syslog"
  package var destination: String { settings.destination.description }
  package let limits = BatchLimits(records: 1_000, bytes: 1 << 20)

  package func open() throws(TargetFault) { _ = try opened() }

  package func deliver(
    _ batch: [ForwardRecord], interruption: Interruption
  ) throws(TargetFault) -> [DeliveryOutcome] {
    let socket = try opened()
    var outcomes = [DeliveryOutcome](repeating: .delivered, count: batch.count)
    var message: [UInt8] = []
    do throws(TargetFault) {
      for (index, record) in batch.enumerated() {
        if interruption.isSet { throw TargetFault("interrupted while sending") }
        message.removeAll(keepingCapacity: true)
        writer.write(record, to: &message)
        var isSent = false
        if message.count <= settings.messageLimitBytes {
          isSent = try socket.send(message, interruption: interruption)
        }
        if !isSent {
          outcomes[index] = SyslogRefusal.tooLong(
            message.count, limit: settings.messageLimitBytes)
        }
        if let pause = pace?.pauseMicroseconds(at: .now), pause > 0 { usleep(pause) }
      }
      try socket.checkAnswer(milliseconds: 1)
    } catch {
      // The name may have come to stand for another address.
      self.socket = nil
      throw error
    }
    return outcomes
  }

  package func close() { socket = nil }

  private func opened() throws(TargetFault) -> SyslogDatagramSocket {
    if let socket { return socket }
    let new = try SyslogDatagramSocket(destination: settings.destination)
    socket = new
    return new
  }
}
