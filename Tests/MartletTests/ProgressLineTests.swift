import Testing

@testable import martlet

struct ProgressLineTests {
  let half = ReadProgress(
    bytesRead: 1_300_000_000, bytesTotal: 2_600_000_000, packets: 3_600_000, flows: 310_000,
    liveFlows: 4200, elapsedSeconds: 0.5, currentFile: "office.pcap")

  func rates(_ progress: ReadProgress) -> ReadRates {
    var rates = ReadRates()
    rates.update(progress)
    return rates
  }

  @Test func wholeLine() {
    #expect(
      ProgressLine.line(half, rates: rates(half), width: 140, style: noStyle)
        == "office.pcap  ███████████████░░░░░░░░░░░░░░░   50 %  1.30 GB of 2.60 GB  2.60 GB/s  "
        + "7.20 Mpps  310 k flows  4.20 k live  0.5 s left")
    #expect(
      ProgressLine.line(half, rates: rates(half), width: 79, style: noStyle)
        == "████████░░░░░░░░   50 %  1.30 GB of 2.60 GB  2.60 GB/s  310 k flows  0.5 s left")
    #expect(
      ProgressLine.line(half, rates: rates(half), width: 60, style: noStyle)
        == "████████▌░░░░░░░░   50 %  2.60 GB/s  310 k flows  0.5 s left")
  }

  @Test func pipeHasNoTotal() {
    var pipe = half
    (pipe.bytesTotal, pipe.currentFile) = (nil, nil)
    #expect(
      ProgressLine.line(pipe, rates: rates(pipe), width: 100, style: noStyle)
        == "1.30 GB read  2.60 GB/s  7.20 Mpps  310 k flows  4.20 k live")
  }

  @Test(arguments: 0...250)
  func noLineIsWiderThanTheTerminal(width: Int) {
    var long = half
    long.currentFile = String(repeating: "long-", count: 30)
    var pipe = half
    pipe.bytesTotal = nil
    for progress in [half, long, pipe, ReadProgress(), ReadProgress(bytesTotal: 0)] {
      let line = ProgressLine.line(progress, rates: rates(progress), width: width, style: noStyle)
      #expect(line.count <= width, "\(line)")
      let coloured =
        ProgressLine.line(progress, rates: rates(progress), width: width, style: colours)
      #expect(withoutLooks(coloured) == line)
    }
  }

  @Test func moreThanAllIsAll() {
    var more = half
    more.bytesRead = 3_000_000_000
    #expect(
      ProgressLine.line(more, rates: rates(more), width: 80, style: noStyle).contains("100 %"))
    #expect(rates(more).secondsLeft(more) == 0)
  }

  @Test func drawnTenTimesASecondAndClearedOnce() {
    var line = ProgressLine(style: noStyle)
    #expect(line.clear() == "")
    var drawn: [Double] = []
    for millisecond in 0..<2000 {
      var progress = half
      progress.elapsedSeconds = Double(millisecond) / 1000
      if let text = line.update(progress, width: 80) {
        drawn.append(progress.elapsedSeconds)
        #expect(text.hasPrefix("\r") && text.hasSuffix("\u{1b}[K") && text.count <= 79 + 4)
      }
    }
    #expect(drawn.first == 0.25 && (17...18).contains(drawn.count))
    #expect(zip(drawn, drawn.dropFirst()).allSatisfy { $1 - $0 >= 0.0999 })
    #expect(line.clear() == "\r\u{1b}[K" && line.clear() == "")
  }

  /// A step in the rate is followed in a few seconds, not at once.
  @Test func ratesAreSmooth() {
    var rates = ReadRates()
    var progress = ReadProgress()
    func run(_ seconds: Double, _ bytesPerSecond: Double) {
      for _ in 0..<Int(seconds * 10) {
        progress.elapsedSeconds += 0.1
        progress.bytesRead += UInt64(bytesPerSecond / 10)
        progress.packets += UInt64(bytesPerSecond / 1000)
        rates.update(progress)
      }
    }
    run(1, 1e9)
    #expect(abs(rates.bytesPerSecond - 1e9) < 1e7)
    run(0.1, 3e9)
    #expect(rates.bytesPerSecond > 1.05e9 && rates.bytesPerSecond < 1.2e9)
    run(10, 3e9)
    #expect(abs(rates.bytesPerSecond - 3e9) < 5e7 && abs(rates.packetsPerSecond - 3e7) < 5e5)
    #expect(rates.secondsLeft(progress) == nil)
    progress.bytesTotal = progress.bytesRead + 6_000_000_000
    #expect(abs((rates.secondsLeft(progress) ?? 0) - 2) < 0.1)
  }

  @Test func totals() {
    let done = ReadProgress(
      bytesRead: 4_400_000_000, packets: 12_300_000, flows: 310_000, elapsedSeconds: 1.2)
    #expect(
      done.totals == "12.3 M packets, 4.40 GB in 1.2 s (10.2 Mpps, 3.67 GB/s), 310 k flows")
    #expect(
      ReadProgress(bytesRead: 90, packets: 1, flows: 1).totals
        == "1 packet, 90 B in under 0.1 s, 1 flow")
  }

  @Test func namesCannotSteerTheTerminal() {
    var progress = half
    progress.currentFile = "a\u{1b}[2Jb\r\n\u{9b}"
    let line = ProgressLine.line(progress, rates: rates(progress), width: 140, style: noStyle)
    #expect(!hasControlCharacters(line))
  }
}
