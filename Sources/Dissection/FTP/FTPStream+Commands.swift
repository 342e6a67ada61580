internal import FlowEngine
internal import Records

extension FTPStream {
  /// Commands with and without arguments, three or four letters each: RFC 959, 2228, 2389, 2428, 3659, 4217,
  /// 7151, and what servers have beside them.
  private static var withArguments: StaticString {
    """
    ACCTADATALLOAPPEAUTHAVBLCLNTCONFCSIDCWD DELEENC EPRTEPSVHASHHELPHOSTLANGLISTLPRTMDTMMFCTMFMT\
    MIC MKD MLSDMLSTMODENLSTOPTSPASSPBSZPORTPROTRANGRESTRETRRMD RNFRRNTOSITESIZESMNTSTATSTORSTOU\
    STRUTHMBTYPEUSERXCRCXCWDXMD5XMKDXRMDXSHA
    """
  }
  private static var withoutArguments: StaticString {
    "ABORCCC CDUPFEATLPSVNOOPPASVPWD QUITREINSPSVSYSTXCUPXPWD"
  }

  private static func isOne(_ word: Bytes, of list: StaticString) -> Bool {
    guard word.count == 3 || word.count == 4 else { return false }
    let names = Bytes(list)
    var place = 0
    while let name = names.slice(place, 4) {
      let length = name.u8(3) == 0x20 ? 3 : 4
      if length == word.count {
        var same = 0
        while same < length, Bytes.lowercase(word.base[same]) == Bytes.lowercase(name.base[same]) {
          same &+= 1
        }
        if same == length { return true }
      }
      place &+= 4
    }
    return false
  }

  static func isCommand(_ word: Bytes) -> Bool { command(word) != .unknown }

  private static func command(_ word: Bytes) -> FTPCommand {
    if isOne(word, of: withoutArguments) {
      return word.equals(lowercase: "pasv") ? .passive : .other
    }
    guard isOne(word, of: withArguments) else { return .unknown }
    if word.count == 3 { return .other }
    if word.equals(lowercase: "user") { return .user }
    if word.equals(lowercase: "pass") || word.equals(lowercase: "acct") { return .password }
    if word.equals(lowercase: "port") { return .port }
    if word.equals(lowercase: "eprt") { return .extendedPort }
    if word.equals(lowercase: "epsv") { return .extendedPassive }
    if word.equals(lowercase: "auth") { return .auth }
    if word.equals(lowercase: "retr") || word.equals(lowercase: "stor")
      || word.equals(lowercase: "appe")
    {
      return .file
    }
    if word.equals(lowercase: "list") || word.equals(lowercase: "nlst")
      || word.equals(lowercase: "mlsd") || word.equals(lowercase: "stou")
    {
      return .list
    }
    return .other
  }

  private static func transfer(_ word: Bytes) -> FTPTransfer {
    if word.equals(lowercase: "retr") { return .retrieve }
    if word.equals(lowercase: "stor") { return .store }
    if word.equals(lowercase: "appe") { return .append }
    if word.equals(lowercase: "stou") { return .storeUnique }
    if word.equals(lowercase: "nlst") { return .nameList }
    return word.equals(lowercase: "mlsd") ? .machineList : .list
  }

  /// What stands behind it is no name of a file.
  private static func isPlain(_ word: Bytes, _ command: FTPCommand) -> Bool {
    switch command {
    case .file, .list: return false
    case .other:
      return word.equals(lowercase: "type") || word.equals(lowercase: "mode")
        || word.equals(lowercase: "stru") || word.equals(lowercase: "rest")
        || word.equals(lowercase: "prot") || word.equals(lowercase: "pbsz")
        || word.equals(lowercase: "opts") || word.equals(lowercase: "feat")
    default: return true
    }
  }

  /// How much of what stands behind a command is shown: of USER one word, for a password may follow; of
  /// SITE none but the first (`SITE PSWD old new`); nothing of ADAT, MIC, CONF, ENC (RFC 2228), which are of a
  /// login or encrypted, nor of what no command is known to have.
  private static func shown(_ data: Bytes, _ word: Bytes, _ command: FTPCommand) -> Int {
    switch command {
    case .password, .unknown: return 0
    case .user: return data.firstIndex(of: 0x20) ?? data.count
    case .auth: return isAuth(data) ? data.count : 0
    case .other where isOne(word, of: withoutArguments): return 0
    case .passive: return 0
    case .other:
      if word.equals(lowercase: "site") { return data.firstIndex(of: 0x20) ?? data.count }
      let isSecret =
        word.equals(lowercase: "adat") || word.equals(lowercase: "mic")
        || word.equals(lowercase: "conf") || word.equals(lowercase: "enc")
      return isSecret ? 0 : data.count
    default: return data.count
    }
  }

  /// RFC 4217 and 2228.
  private static func isAuth(_ data: Bytes) -> Bool {
    data.equals(lowercase: "tls") || data.equals(lowercase: "ssl")
      || data.equals(lowercase: "tls-c") || data.equals(lowercase: "tls-p")
      || data.equals(lowercase: "gssapi") || data.equals(lowercase: "kerberos_v4")
  }

  static func takeCommand(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ line: TextLine
  ) {
    guard !line.text.isEmpty else { return }
    let end = line.text.firstIndex(of: 0x20) ?? line.text.count
    let word = line.text.prefix(end)
    let data = line.text.dropFirst(end &+ 1)
    let command = command(word)
    var w = d.event()
    if command == .unknown {
      w.text(FTPFields.command, "UNKNOWN")
    } else {
      // As Suricata has it.
      w.uppercase(FTPFields.command, word)
    }
    let shown = data.prefix(shown(data, word, command))
    if !data.isEmpty && (!d.settings.isHeaderOnly || isPlain(word, command)) {
      writeData(d, &w, shown, isWhole: shown.count == data.count)
      w.boolean(FTPFields.commandTruncated, line.isCut)
    }
    if command == .unknown {
      s.pointee.secret.remember(line.text)
    } else if shown.count < data.count {
      s.pointee.secret.remember(data)
    }
    push(d, s, command, w)
    switch command {
    case .user: s.pointee.user.set(shown)
    case .port: announce(d, s, port(data), isServers: false)
    case .extendedPort: announce(d, s, extendedPort(data), isServers: false)
    case .file, .list: describe(d, s, transfer(word), data)
    case .auth: s.pointee.set(Flags.asksTLS)
    default: break
    }
  }

  private static func writeData(
    _ d: Delivery, _ w: inout EventWriter, _ shown: Bytes, isWhole: Bool
  ) {
    if isWhole { return d.redacted(&w, FTPFields.commandData, shown) }
    guard let string = w.beginString(FTPFields.commandData) else { return }
    w.piece(shown)
    w.piece(Bytes(shown.isEmpty ? Redactor.mask : " ***"))
    w.endString(string)
  }

  // MARK: The data channel

  /// `h1,h2,h3,h4,p1,p2` (RFC 959, section 4.1.2), wherever it stands in a text: the port.
  static func port(_ text: Bytes) -> UInt16? {
    var numbers: (UInt32, UInt32) = (0, 0)
    var count = 0
    var place = text.firstIndex(of: 0x28) ?? -1
    place &+= 1
    // A reply without brackets has digits of its own before.
    while let byte = text.u8(place), byte &- 0x30 > 9 { place &+= 1 }
    while count < 6 {
      var value: UInt32 = 0
      var digits = 0
      while let byte = text.u8(place), byte &- 0x30 < 10, digits < 3 {
        value = value &* 10 &+ UInt32(byte &- 0x30)
        place &+= 1
        digits &+= 1
      }
      guard digits > 0, value < 256 else { return nil }
      numbers = (numbers.1, value)
      count &+= 1
      if count < 6 {
        guard text.u8(place) == 0x2c else { return nil }
        place &+= 1
      }
    }
    return UInt16(truncatingIfNeeded: numbers.0 << 8 | numbers.1)
  }

  /// `|1|132.235.1.2|6275|` (RFC 2428, section 2), or `|||6446|` of a reply: what stands in the last field.
  static func extendedPort(_ text: Bytes) -> UInt16? {
    var start = 0
    if let bracket = text.firstIndex(of: 0x28) { start = bracket &+ 1 }
    guard let mark = text.u8(start) else { return nil }
    var place = start
    for _ in 0..<3 {
      guard let next = text.firstIndex(of: mark, from: place) else { return nil }
      place = next &+ 1
    }
    guard let end = text.firstIndex(of: mark, from: place),
      let value = text.prefix(end).dropFirst(place).decimal, value > 0, value < 65_536
    else { return nil }
    return UInt16(value)
  }

  /// The addresses that the text has may be anybody's, and behind a translation nobody's: the channel is
  /// between the same two as the control connection.
  static func announce(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ port: UInt16?, isServers: Bool
  ) {
    guard let port, port != 0 else { return }
    s.pointee.dataPort = port
    s.pointee.dataIsServers = isServers
    // The server's stands in the reply to the oldest command, the client's in the latest command.
    if isServers {
      s.pointee.pending.changeFirst { $0.port = port }
    } else {
      s.pointee.pending.changeLast { $0.port = port }
    }
    d.core.pointee.announcements.announce(
      isServers ? d.serverAddress : d.clientAddress, port, d.key, now: d.time)
  }

  private static func describe(
    _ d: Delivery, _ s: UnsafeMutablePointer<State>, _ transfer: FTPTransfer, _ name: Bytes
  ) {
    guard s.pointee.dataPort != 0 else { return }
    d.core.pointee.announcements.describe(
      s.pointee.dataIsServers ? d.serverAddress : d.clientAddress, s.pointee.dataPort, d.key,
      transfer.rawValue, name: name)
  }
}
