/// Where a message's sections are.
struct DNSLayout: BitwiseCopyable {
  let header: DNSHeader
  /// Questions that are all there.
  var questions = 0
  /// Where the answers begin, and how many records there are.
  var answersAt = 0
  var answers = 0
  var authoritiesAt = 0
  var authorities = 0
  var additionalsAt = 0
  var additionals = 0
  /// The OPT record among the additional ones.
  var extensionAt = 0
  /// Where the last of it ends.
  var end = 0
  /// All that the counts promise is there.
  var isComplete = false

  init(_ message: Bytes, _ header: DNSHeader) {
    self.header = header
    end = DNSHeader.byteCount
    while questions < header.questions {
      guard let question = DNSQuestion(message, at: end) else { return }
      end = question.next
      questions &+= 1
    }
    answersAt = end
    answers = walk(message, header.answers)
    guard answers == header.answers else { return }
    authoritiesAt = end
    authorities = walk(message, header.authorities)
    guard authorities == header.authorities else { return }
    additionalsAt = end
    while additionals < header.additionals {
      guard let record = DNSRecord(message, at: end) else { return }
      if record.type == DNSType.opt && extensionAt == 0 { extensionAt = end }
      end = record.next
      additionals &+= 1
    }
    isComplete = true
  }

  /// Each record is eleven bytes at least, so there are no more rounds than the message allows.
  private mutating func walk(_ message: Bytes, _ count: Int) -> Int {
    var seen = 0
    while seen < count {
      guard let record = DNSRecord(message, at: end) else { return seen }
      end = record.next
      seen &+= 1
    }
    return seen
  }

  /// There is something to tell of it.
  var hasContent: Bool { questions > 0 || answers > 0 || authorities > 0 || additionals > 0 }
}
