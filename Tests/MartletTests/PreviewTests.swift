import Foundation
import Testing

@testable import martlet

private let previewWidth =
  ProcessInfo.processInfo.environment["MARTLET_PREVIEW"].flatMap(Int.init)

/// Shows the views to whoever asks for them, in so many columns and with their colours:
///
///     MARTLET_PREVIEW=120 swift test --filter PreviewTests
@Suite(
  .enabled(if: previewWidth != nil, "MARTLET_PREVIEW is not set to a width"), .serialized)
struct PreviewTests {
  @Test func rows() throws {
    let width = try #require(previewWidth)
    let lines = table(
      SampleFlows.few() + SampleFlows.many(20), width: width, style: colours)
    #expect(lines.count >= 29)
    Output.write(lines)
  }

  @Test func wholeSummary() throws {
    let width = try #require(previewWidth)
    var summary = summary(SampleFlows.many(20_000))
    summary.input.files = ["office.pcapng"]
    let lines = summary.lines(width: width, style: colours)
    #expect(lines.count > 20)
    Output.write(lines)
  }

  @Test func progress() throws {
    let width = try #require(previewWidth)
    var rates = ReadRates()
    for part in 1...5 {
      let progress = ReadProgress(
        bytesRead: UInt64(part) * 880_000_000, bytesTotal: 4_400_000_000,
        packets: UInt64(part) * 2_460_000, flows: UInt64(part) * 62_000, liveFlows: 4200,
        elapsedSeconds: Double(part) * 0.24, currentFile: "office.pcapng")
      rates.update(progress)
      let line = ProgressLine.line(
        progress, rates: rates, width: width, style: colours)
      #expect(!line.isEmpty)
      Output.write([line])
      if part == 5 { Output.write([progress.totals]) }
    }
  }
}
