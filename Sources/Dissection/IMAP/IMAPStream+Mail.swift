internal import FlowEngine
internal import Records

// Mails in literals, where attachments are hashed: what FETCH brings, and what APPEND sends.

/// A direction's mail, and the literal that brings it. A client may fetch it by pieces, or its header and its text
/// apart: what belongs together is read as one.
struct IMAPMail: BitwiseCopyable {
  var mail = Mail()
  /// Of the message whose literals these are: its number, and the section's ``IMAPSection/key``.
  var message: UInt32 = 0
  var key: UInt32 = 0
  /// Bytes of the literal at hand that are still to come.
  var left: UInt64 = 0
  /// Where in its section the next piece would begin.
  var next: UInt64 = 0
  /// ``IMAPSection/Role`` of the latest literal.
  var role: UInt8 = 0
  /// The literal at hand is only a piece.
  var isPiece = false
  /// A piece, or a header without its body, was the last that came: the mail waits for more.
  var isWaiting = false
}

extension IMAPStream {
  static func mail(
    _ s: UnsafeMutablePointer<State>, toServer: Bool
  ) -> UnsafeMutablePointer<IMAPMail> {
    toServer
      ? withUnsafeMutablePointer(to: &s.pointee.sent) { $0 }
      : withUnsafeMutablePointer(to: &s.pointee.fetched) { $0 }
  }

  private static func view(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, toServer: Bool
  ) -> MailView {
    let one = mail(s, toServer: toServer)
    return MailView(
      d: d, mail: withUnsafeMutablePointer(to: &one.pointee.mail) { $0 }, source: .imap,
      isToServer: toServer, state: UnsafeMutableRawPointer(s))
  }

  // MARK: Literals

  /// A literal of so many bytes follows a line: true where it is a mail, or a piece of one, that is read.
  static func beginMail(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ line: Bytes, _ length: UInt64
  ) -> Bool {
    guard d.settings.hashesFiles else { return false }
    return d.isToServer ? beginSent(d, s, length) : beginFetched(d, s, line, length)
  }

  private static func beginSent(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ length: UInt64
  ) -> Bool {
    let latest = Int(s.pointee.latest & 7)
    guard s.pointee.pending[latest].command == IMAPCommand.append.rawValue,
      !s.pointee.pending[latest].tag.isEmpty, !s.pointee.has(Flags.wantsLiteral)
    else { return false }
    let view = view(d, s, toServer: true)
    view.clear()
    view.open()
    s.pointee.sent.left = length
    return true
  }

  private static func beginFetched(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ line: Bytes, _ length: UInt64
  ) -> Bool {
    guard s.pointee.fetching != 0, let brace = line.lastBrace else { return false }
    let section = IMAPSection(line.prefix(brace))
    guard section.role != .none else { return false }
    let one = mail(s, toServer: false)
    let view = view(d, s, toServer: false)
    if !goesOn(one, s.pointee.fetching, section) {
      endWaiting(d, s)
      // What tells how it is encoded stands in BODYSTRUCTURE.
      if section.origin ?? 0 > 0 || section.isPart && section.role == .body { return false }
      view.clear()
      view.open()
      if section.isPart { view.reader?.pointee.isPart = true }
      if section.role == .body { view.reader?.pointee.beginWithoutHeader() }
      one.pointee.message = s.pointee.fetching
      one.pointee.key = section.key
    }
    one.pointee.role = section.role.rawValue
    one.pointee.next = (section.origin ?? 0) &+ length
    one.pointee.isPiece = section.origin != nil
    one.pointee.isWaiting = false
    one.pointee.left = length
    return true
  }

  /// What comes is the next piece, or the body behind the header.
  private static func goesOn(
    _ one: UnsafeMutablePointer<IMAPMail>, _ message: UInt32, _ section: IMAPSection
  ) -> Bool {
    guard one.pointee.isWaiting, one.pointee.message == message, one.pointee.key == section.key
    else { return false }
    if let origin = section.origin, origin > 0 {
      return one.pointee.role == section.role.rawValue && one.pointee.next == origin
    }
    return one.pointee.role == IMAPSection.Role.header.rawValue && section.role == .body
  }

  static func takeMail(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ bytes: Bytes
  ) -> Progress {
    let one = mail(s, toServer: d.isToServer)
    let progress = view(d, s, toServer: d.isToServer).take(bytes, &one.pointee.left)
    if one.pointee.left == 0 { endLiteral(d, s) }
    return progress
  }

  private static func endLiteral(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    let one = mail(s, toServer: d.isToServer)
    let isHeader = one.pointee.role == IMAPSection.Role.header.rawValue
    if !d.isToServer && (isHeader || one.pointee.isPiece) {
      one.pointee.isWaiting = true
      return
    }
    let view = view(d, s, toServer: d.isToServer)
    view.finish(isComplete: view.reader?.pointee.hasGap == false)
    view.clear()
  }

  // MARK: Ends

  /// No more of the mail comes that waits for it. A header alone tells nothing of attachments.
  static func endWaiting(_ d: Delivery, _ s: UnsafeMutablePointer<State>) {
    let view = view(d, s, toServer: false)
    if s.pointee.fetched.role != IMAPSection.Role.header.rawValue {
      view.finish(isComplete: false)
    }
    view.clear()
    s.pointee.fetched.isWaiting = false
  }

  /// `missing` bytes behind `rest` were not seen. True where all of them were the literal's.
  static func missMail(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ rest: Bytes, _ missing: UInt64
  ) -> Bool {
    let one = mail(s, toServer: d.isToServer)
    let left = one.pointee.left
    let seen = min(UInt64(rest.count), left)
    let lost = min(missing, left &- seen)
    view(d, s, toServer: d.isToServer).miss(rest.prefix(Int(seen)), lost)
    one.pointee.left = left &- seen &- lost
    if one.pointee.left == 0 { endLiteral(d, s) }
    return lost == missing && seen == UInt64(rest.count)
  }

  /// The connection breaks off, or is no IMAP any more.
  static func endMails(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, toServer: Bool, _ rest: Bytes = .empty
  ) {
    let one = mail(s, toServer: toServer)
    if one.pointee.left > 0 {
      let view = view(d, s, toServer: toServer)
      view.breakOff(rest.prefix(Int(min(one.pointee.left, UInt64(rest.count)))))
      view.clear()
      one.pointee.left = 0
    } else if !toServer {
      endWaiting(d, s)
    }
  }

  /// What is known of the command that brings the mail at hand; nothing where several wait for their answers.
  static func commandOfMail(_ m: MailView) -> EventDraft {
    let s = m.state.assumingMemoryBound(to: State.self)
    if m.isToServer { return s.pointee.pending[Int(s.pointee.latest & 7)].draft }
    var found: EventDraft?
    for place in 0..<State.mostPending where !s.pointee.pending[place].tag.isEmpty {
      if found != nil { return EventDraft() }
      found = s.pointee.pending[place].draft
    }
    return found ?? EventDraft()
  }

  /// The message that a line of the server's is about: `* 12 FETCH (`; 0 where it is about none.
  static func fetched(_ line: Bytes) -> UInt32 {
    let (star, rest) = TextLine.split(line)
    let (number, name) = TextLine.split(rest)
    guard star.equals("*"), name.starts(withLowercase: "fetch"), let value = number.decimal,
      value <= UInt32.max
    else { return 0 }
    return UInt32(value)
  }
}

extension Bytes {
  /// Where the length of a literal begins that ends a line; `~` in front of it is of RFC 3516.
  fileprivate var lastBrace: Int? {
    var place = count
    while place > 0, count &- place <= 16 {
      place &-= 1
      if base[place] == 0x7b {
        return place > 0 && base[place &- 1] == 0x7e ? place &- 1 : place
      }
    }
    return nil
  }
}
