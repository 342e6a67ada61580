import Testing

@testable import Forwarding

@Suite struct SyslogResendWindowTests {
  private let bytes = [UInt8](repeating: 7, count: 100)

  @Test func keepsAtLeastItsBytesOfTheLast() {
    var window = SyslogResendWindow(limitBytes: 250, limitSeconds: 10)
    let now = ContinuousClock.now
    for _ in 0..<10 { window.append(bytes[...], records: 2, at: now) }
    #expect(window.byteCount == 300)
    #expect(window.recordCount == 6)
    #expect(window.contents.count == 3)
  }

  @Test func forgetsWhatIsOldOnlyWhenTold() {
    var window = SyslogResendWindow(limitBytes: 1_000, limitSeconds: 10)
    let now = ContinuousClock.now
    window.append(bytes[...], records: 1, at: now)
    window.append(bytes[...], records: 1, at: now + .seconds(9))
    #expect(window.recordCount == 2)
    window.trim(now: now + .seconds(11))
    #expect(window.recordCount == 1)
    window.refresh(at: now + .seconds(15))
    window.trim(now: now + .seconds(24))
    #expect(window.recordCount == 1)
    window.trim(now: now + .seconds(26))
    #expect(window.isEmpty)
  }

  @Test func ofNoBytesHoldsNothing() {
    var window = SyslogResendWindow(limitBytes: 0, limitSeconds: 10)
    window.append(bytes[...], records: 1, at: .now)
    #expect(window.isEmpty)
  }
}
