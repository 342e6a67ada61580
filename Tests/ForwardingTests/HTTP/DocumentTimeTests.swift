import Testing

@testable import Forwarding

@Suite struct DocumentTimeTests {
  @Test(arguments: [
    ("2026-11-21T05:36:00.123456+0000", "2026-11-21T05:36:00.123456Z"),
    ("2026-11-21T05:36:00Z", "2026-11-21T05:36:00.000000Z"),
    ("2026-11-21T05:36:00.1234567891Z", "2026-11-21T05:36:00.123456Z"),
    ("2026-11-21T00:30:00.5+01:00", "2026-11-20T23:30:00.500000Z"),
    ("2026-12-31T23:30:00-0100", "2027-01-01T00:30:00.000000Z"),
    ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000000Z"),
    ("2000-03-01T00:00:00Z", "2000-03-01T00:00:00.000000Z"),
    ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z"),
  ])
  func timesAreRead(_ text: String, _ iso: String) {
    #expect(DocumentTime(text)?.iso == iso)
  }

  @Test(arguments: [
    "", "now", "2026-11-21", "2026-11-21T05:36:00", "2026-13-01T00:00:00Z", "2026-11-21T25:00:00Z",
    "2026-11-21T05:36:00.+0000", "2026-11-21T05:36:00ZZ", "2026-11-21T05:36:00+00:0",
    "2026-11-21T05:36:00+0", "0000-01-01T00:00:00Z", "2026-11-21 05:36:00.000Z",
  ])
  func whatIsNoTimeIsNone(_ text: String) {
    #expect(DocumentTime(text) == nil)
  }

  @Test func daysAndSecondsAreThoseOfTheCalendar() {
    #expect(DocumentTime("2026-11-21T05:36:00.123456+0000")?.microseconds == 1_795_239_360_123_456)
    var epoch: [UInt8] = []
    DocumentTime(microseconds: 1_795_239_360_000_456).appendEpoch(to: &epoch)
    #expect(String(decoding: epoch, as: UTF8.self) == "1795239360.000456")
    #expect(DocumentTime(microseconds: 0).day == "1970.01.01")
    // Every day of four hundred years comes back as itself.
    for day in stride(from: Int64(-150_000), to: 150_000, by: 17) {
      let time = DocumentTime(microseconds: day * 86_400_000_000)
      #expect(DocumentTime(time.iso) == time)
    }
  }
}
