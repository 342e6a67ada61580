import FlowEngine
import Testing

@testable import Dissection

@Suite struct DNSHostileTests {
  /// A name's text, and what is said of it.
  func name(_ message: [UInt8], at offset: Int = 0) -> (String, DNSName) {
    let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: DNSName.bufferBytes)
    defer { buffer.deallocate() }
    return message.withUnsafeBufferPointer { raw in
      let bytes = raw.baseAddress.map { Bytes($0, raw.count) } ?? .empty
      let name = DNSName.read(bytes, at: offset, into: buffer)
      return (
        String(decoding: UnsafeBufferPointer(start: buffer, count: name.count), as: UTF8.self), name
      )
    }
  }

  @Test func names() {
    #expect(name(DNSBuild.name("a.bc")).0 == "a.bc")
    #expect(name([0]).0 == "" && name([0]).1.next == 1)
    let pointed = DNSBuild.name("example.com") + [3, 0x77, 0x77, 0x77, 0xc0, 0]
    #expect(name(pointed, at: 13).0 == "www.example.com")
    #expect(name(pointed, at: 13).1.next == 19 && name(pointed, at: 13).1.isSound)
    #expect(name([5, 0x61]).1.isMalformed)
    #expect(name([0x41, 0x61, 0]).1.isMalformed)
    #expect(name([]).1.isMalformed)
  }

  @Test func loopsAreRefused() {
    for message in [[0xc0, 0], [1, 0x61, 0xc0, 0], [0xc0, 2, 0xc0, 0], [1, 0x61, 0xc0, 2]]
      as [[UInt8]]
    {
      let (text, name) = name(message)
      #expect(name.isLoop)
      #expect(text == "" || text == "a")
    }
    // Forward, but not round: followed, and told.
    let (text, forward) = name([0xc0, 2, 1, 0x62, 0])
    #expect(text == "b" && forward.isLoop && !forward.isMalformed)
  }

  @Test func longNamesAreCut() {
    // Labels of 63 letters, each run ending with a pointer to the one before.
    var message: [UInt8] = DNSBuild.name(String(repeating: "x", count: 63))
    for _ in 0..<40 {
      let start = message.count
      let target = start == 65 ? 0 : start - 66
      message += [63] + [UInt8](repeating: 0x79, count: 63) + Wire.be16(0xc000 | target)
    }
    let (text, name) = name(message, at: message.count - 66)
    #expect(text.utf8.count == DNSName.longest && name.isTruncated && !name.isLoop)
  }

  @Test func aMessageFullOfPointersCostsLittle() {
    var message = DNSBuild.header(flags: 0x8180, 1, 4000) + DNSBuild.question("loop.example")
    message[12] = 0xc0
    message[13] = 12
    for _ in 0..<4000 { message += DNSBuild.record(5, [0xc0, 12]) }
    let bed = DNSDatagramTests.run([
      (true, DNSBuild.query("a.example")), (false, Array(message.prefix(60_000))),
    ])
    #expect(bed.counters[.appCompressionLoop] == 1 || bed.counters[.appMalformed] > 0)
  }

  @Test func manyQuestionsAreBounded() {
    var message = DNSBuild.header(flags: 0x0100, 500) + DNSBuild.question("many.example")
    for _ in 0..<499 { message += [0xc0, 12, 0, 1, 0, 1] }
    let bed = DNSDatagramTests.run([(true, message)])
    #expect(DNSDatagramTests.dns(bed).count == DNSMessage.mostQuestions)
    #expect(bed.counters[.appTooManyTransactions] == 1)
  }

  @Test func randomBytesAreNothing() {
    var generator = SplitMix(state: 3)
    let context = ProbeContext(isToServer: true, isTCP: false, serverPort: 9999, clientPort: 40_000)
    let stream = ProbeContext(isToServer: true, isTCP: true, serverPort: 9999, clientPort: 40_000)
    var claims = 0
    for _ in 0..<20_000 {
      let count = Int.random(in: 1...120, using: &generator)
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      bytes.withUnsafeBufferPointer { raw in
        guard let base = raw.baseAddress else { return }
        let bytes = Bytes(base, raw.count)
        if DNSDatagrams.probe(bytes, context) == .yes { claims += 1 }
        if DNSStream.probe(bytes, stream) == .yes { claims += 1 }
        if DHCPDatagrams.probe(bytes, context) == .yes { claims += 1 }
        if DHCPv6Datagrams.probe(bytes, context) == .yes { claims += 1 }
        if NTPDatagrams.probe(bytes, context) == .yes { claims += 1 }
        if TFTPDatagrams.probe(bytes, context) == .yes { claims += 1 }
      }
    }
    #expect(claims == 0)
  }

  @Test func netBIOSIsAnother() {
    let encoded = String(repeating: "CA", count: 16)
    let bed = DNSDatagramTests.run([(true, DNSBuild.query(encoded, 32))], port: 137)
    #expect(DNSDatagramTests.dns(bed).isEmpty)
  }

  @Test func statesFit() {
    #expect(MemoryLayout<DNSDatagrams.State>.size <= FlowState.ownBytes)
    #expect(MemoryLayout<DNSStream.State>.size <= FlowState.ownBytes)
    #expect(MemoryLayout<DNSStream.State>.offset(of: \.open) == 0)
  }
}
