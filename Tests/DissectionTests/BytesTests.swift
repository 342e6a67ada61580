import Testing

@testable import Dissection

/// What several dissectors read and write with.
@Suite struct BytesTests {
  static func with<Result>(_ text: String, _ body: (Bytes) -> Result) -> Result {
    with(Array(text.utf8), body)
  }

  static func with<Result>(_ bytes: [UInt8], _ body: (Bytes) -> Result) -> Result {
    bytes.withUnsafeBufferPointer {
      body($0.baseAddress.map { Bytes($0, bytes.count) } ?? .empty)
    }
  }

  static func written(_ capacity: Int, _ body: (inout BoundedText) -> Void) -> (String, Bool) {
    withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 1) { memory in
      var text = BoundedText(memory.baseAddress!, capacity: capacity)
      body(&text)
      let bytes = UnsafeBufferPointer(start: text.bytes.base, count: text.bytes.count)
      return (String(decoding: bytes, as: UTF8.self), text.isCut)
    }
  }

  // MARK: Text that is written

  @Test func textHasAnEnd() {
    #expect(Self.written(4) { $0.text("abcdef") } == ("abcd", true))
    #expect(Self.written(4) { $0.text("abcd") } == ("abcd", false))
    #expect(
      Self.written(3) { text in
        text.byte(0x61)
        text.grow(by: 10)
        text.byte(0x62)
        text.cut(to: 1)
      } == ("a", true))
    #expect(Self.written(64) { $0.decimal(UInt64.max) } == ("18446744073709551615", false))
    #expect(Self.written(64) { $0.decimal(UInt8(0)) } == ("0", false))
  }

  /// X.690, 8.19.
  @Test(arguments: [
    ([0x2b, 6, 1, 2, 1], "1.3.6.1.2.1", true), ([0x88, 0x37, 3], "2.999.3", true),
    ([0x55, 4, 3], "2.5.4.3", true),
    ([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d], "1.2.840.113549", true),
    ([0x2b, 0x86], "1.3", false), ([], "", true),
    ([0x2b] + [UInt8](repeating: 0xff, count: 12), "1.3", false),
  ])
  func identifiers(content: [UInt8], text: String, isSound: Bool) {
    var answer = false
    let found = Self.with(content) { content in
      Self.written(64) { answer = $0.identifier(content) }
    }
    #expect(found.0 == text && answer == isSound)
  }

  // MARK: BER

  @Test func elementsThatAreCut() {
    Self.with([0x30, 4, 2, 1, 7]) { bytes in
      var reader = BERReader(bytes)
      #expect(reader.next() == nil && reader.next(BERTag.set, allowsCut: true) == nil)
      let element = reader.next(BERTag.sequence, allowsCut: true)
      #expect(element?.isCut == true && element?.content.count == 3 && reader.isAtEnd)
    }
    Self.with([0x04, 1, 9, 0x02, 1, 5]) { bytes in
      var reader = BERReader(bytes)
      #expect(reader.content(BERTag.integer) == nil)
      #expect(reader.content(BERTag.octetString)?.u8(0) == 9)
      #expect(reader.next()?.isCut == false && reader.isAtEnd)
    }
  }

  // MARK: Lines

  @Test(arguments: [
    ("ab", "ab", "ab"), ("ab\n", "ab\n", "ab"), ("ab\r\n", "ab\r\n", "ab"), ("ab\r", "ab", "ab"),
    ("\r\n", "\r\n", ""), ("", "", ""), ("ab\n\r", "ab\n", "ab\n"), ("\r\r", "\r", "\r"),
  ])
  func lineEnds(text: String, withoutCR: String, withoutEnd: String) {
    Self.with(text) { bytes in
      #expect(Self.with(withoutCR) { bytes.withoutCR.equals($0) })
      #expect(Self.with(withoutEnd) { bytes.withoutLineEnd.equals($0) })
    }
  }

  @Test(arguments: [
    ("a\r\n\r\nb", 0, 5), ("a\n\nb", 0, 3), ("a\r\nb", 0, nil), ("a\n\r", 0, nil),
    ("a\n\r\n", 0, 4), ("a: b\r\nc\r\n\r\n", 5, 11), ("", 0, nil),
  ])
  func headsEnd(text: String, from start: Int, at end: Int?) {
    #expect(Self.with(text) { $0.endOfHead(from: start) } == end)
  }

  @Test func queue() {
    var queue = ShortQueue<3, UInt8>(repeating: 0)
    #expect(queue.isEmpty && queue.first == nil && queue.pop() == nil)
    for round in UInt8(0)..<5 {
      for number in 0..<UInt8(3) { queue.push(round + number) }
      #expect(queue.isFull)
      queue.push(99)
      queue.changeFirst { $0 += 100 }
      queue.changeLast { $0 += 50 }
      #expect(queue.first == 100 + round)
      #expect(queue.pop() == 100 + round && queue.pop() == round + 1)
      #expect(queue.pop() == round + 52 && queue.isEmpty)
    }
    queue.push(1)
    queue.clear()
    #expect(queue.pop() == nil)
  }
}
