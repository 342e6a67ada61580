import Foundation
import Testing

@testable import Forwarding

/// What a receiver does that reads nothing, or is not there.
@Suite struct SyslogStreamTests {
  private func settings(_ port: UInt16) -> SyslogSettings {
    var settings = SyslogSettings(
      destination: SyslogDestination(transport: .tcp, host: "127.0.0.1", port: port))
    settings.timeoutSeconds = 1
    settings.probationSeconds = 0.01
    return settings
  }

  @Test func whatTheReceiversKernelHasNotTakenComesAgain() throws {
    // Nobody accepts, so the kernel takes a buffer full.
    let receiver = try WireSocket(receiveBytes: 64 << 10)
    let target = SyslogStreamTarget(settings: settings(receiver.port))
    try target.open()
    let outcomes = try target.deliver(
      WireRecords.records(0..<8_000), interruption: Interruption())
    let arrived = outcomes.prefix { $0 == .delivered }.count
    #expect(arrived > 0)
    #expect(arrived < 8_000)
    #expect(
      outcomes[arrived...].allSatisfy {
        if case .again(let reason) = $0 { return reason.contains("has taken nothing for 1.0 s") }
        return false
      })
    #expect(target.connectionsLost == 1)

    // What counts as delivered is there: what the kernel has is at least that.
    let connection = receiver.accept()
    defer { close(connection) }
    var held = [UInt8]()
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while case let count = read(connection, &piece, piece.count), count > 0 {
      held += piece[..<count]
    }
    let text = String(decoding: held, as: UTF8.self)
    let last = try WireRecords.record(arrived - 1)
    #expect(text.contains("id=\"\(last.identifier)\""))
    #expect(text.contains(String(decoding: last.document.bytes, as: UTF8.self)))
  }

  @Test func anInterruptionEndsTheWait() throws {
    let receiver = try WireSocket(receiveBytes: 64 << 10)
    var settings = settings(receiver.port)
    settings.timeoutSeconds = 600
    let target = SyslogStreamTarget(settings: settings)
    let interruption = Interruption()
    let thread = Thread {
      usleep(200_000)
      interruption.set()
    }
    thread.start()
    let fault = try #require(throws: TargetFault.self) {
      try target.deliver(WireRecords.records(0..<8_000), interruption: interruption)
    }
    #expect(fault.description.contains("interrupted"))
  }

  @Test func nobodyListensIsAFaultThatPasses() throws {
    let target = SyslogStreamTarget(settings: settings(try WireSocket.freePort()))
    let fault = try #require(throws: TargetFault.self) { try target.open() }
    #expect(!fault.isFinal)
    #expect(fault.description.contains("cannot connect to tcp://127.0.0.1:"))
  }

  @Test func whatIsTooLongIsRefused() throws {
    let receiver = try WireSocket()
    var settings = settings(receiver.port)
    settings.maximumMessageBytes = 1_000
    let target = SyslogStreamTarget(settings: settings)
    let long = ",\"a\":\"\(String(repeating: "x", count: 1_000))\""
    let outcomes = try target.deliver(
      [WireRecords.record(1), WireRecords.record(2, members: long), WireRecords.record(3)],
      interruption: Interruption())
    #expect(outcomes[0] == .delivered)
    #expect(outcomes[2] == .delivered)
    guard case .refused(let reason) = outcomes[1] else {
      Issue.record("\(outcomes[1])")
      return
    }
    #expect(reason.contains("and the limit is 1000"))
  }

  @Test func aReceiverThatEndsTheConnectionGetsTheLastRecordsAgain() throws {
    let receiver = try WireSocket()
    let target = SyslogStreamTarget(settings: settings(receiver.port))
    try deliverToTheWire(WireRecords.records(0..<10), to: target)
    close(receiver.accept())
    // No new record is needed for it.
    try wireUntil("sent again") {
      try target.tick()
      return target.recordsResent == 10
    }
    #expect(target.connections == 2)
    let connection = receiver.accept()
    defer { close(connection) }
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    let count = read(connection, &piece, piece.count)
    let text = String(decoding: piece[..<max(count, 0)], as: UTF8.self)
    #expect(text.contains("id=\"\(try WireRecords.record(0).identifier)\""))
  }

  /// A balancer with nobody behind it: it accepts, its kernel acknowledges, and it is gone.
  @Test func nothingIsEntrustedToAConnectionThatDoesNotLast() throws {
    let receiver = try WireSocket()
    var settings = settings(receiver.port)
    settings.probationSeconds = 20
    let target = SyslogStreamTarget(settings: settings)
    let thread = Thread {
      let connection = receiver.accept()
      usleep(50_000)
      close(connection)
    }
    thread.start()
    let fault = try #require(throws: TargetFault.self) {
      try target.deliver(WireRecords.records(0..<10), interruption: Interruption())
    }
    #expect(fault.description.contains("has ended the connection"))
  }

  @Test func probationGrowsUntilAConnectionLasts() {
    var probation = SyslogProbation(firstSeconds: 1)
    var now = ContinuousClock.now
    func isOn(after seconds: Double) -> Bool { probation.isOn(at: now + .seconds(seconds)) }
    probation.began(at: now)
    #expect(isOn(after: 0.9) && !isOn(after: 1))
    for expected in [2.0, 4, 8, 16, 16] {
      probation.lost(at: now)
      probation.began(at: now)
      #expect(isOn(after: expected - 0.1) && !isOn(after: expected))
    }
    now += .seconds(61)
    probation.lost(at: now)
    probation.began(at: now)
    #expect(isOn(after: 0.9) && !isOn(after: 1))
  }

  @Test func aFileOfAuthoritiesThatIsMissingIsFinal() throws {
    var settings = SyslogSettings(destination: try SyslogDestination("tls://localhost:6514"))
    settings.tls.authorityFile = "/nonexistent/ca.pem"
    let fault = try #require(throws: TargetFault.self) {
      try SyslogStreamTarget(settings: settings).open()
    }
    #expect(fault.isFinal)
    #expect(fault.description.contains("/nonexistent/ca.pem"))
  }
}

@Suite struct SyslogDatagramTests {
  @Test func nobodyListensIsNoticed() throws {
    let port = try WireSocket.freePort(datagrams: true)
    let target = SyslogDatagramTarget(
      settings: SyslogSettings(
        destination: SyslogDestination(transport: .udp, host: "127.0.0.1", port: port)))
    try target.open()
    let fault = try #require(throws: TargetFault.self) {
      try target.deliver(WireRecords.records(0..<3), interruption: Interruption())
    }
    #expect(fault.description.contains("nobody listens there"))
  }

  @Test func whatNoDatagramHoldsIsRefused() throws {
    let receiver = try WireSocket(datagrams: true)
    let target = SyslogDatagramTarget(
      settings: SyslogSettings(
        destination: SyslogDestination(transport: .udp, host: "127.0.0.1", port: receiver.port)))
    let long = ",\"a\":\"\(String(repeating: "x", count: 66_000))\""
    let outcomes = try target.deliver(
      [WireRecords.record(1, members: long), WireRecords.record(2)], interruption: Interruption())
    guard case .refused = outcomes[0] else {
      Issue.record("\(outcomes[0])")
      return
    }
    #expect(outcomes[1] == .delivered)
  }
}
