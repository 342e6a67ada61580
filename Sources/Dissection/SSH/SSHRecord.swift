internal import CCrypto
internal import FlowEngine
internal import Records

/// The record of an SSH connection.
enum SSHRecord {
  static func emit(_ d: Delivery, _ state: UnsafeMutablePointer<SSHState>) {
    var w = d.event()
    write(d, &w, SSHFields.client, &state.pointee.client, toServer: true)
    write(d, &w, SSHFields.server, &state.pointee.server, toServer: false)
    if d.settings.wantsHiddenRecords { writeHidden(d, &w, state) }
    w.incomplete(d)
    d.emit(.ssh, w, transaction: d.nextTransaction())
  }

  private static func write(
    _ d: Delivery, _ w: inout EventWriter, _ field: EventField, _ side: inout SSHSide,
    toServer: Bool
  ) {
    guard side.bannerCount > 0 else { return }
    w.beginObject(field)
    let count = Int(side.bannerCount)
    withUnsafeBytes(of: &side.banner) { banner in
      guard let start = banner.baseAddress else { return }
      let text = Bytes(start.assumingMemoryBound(to: UInt8.self), count).dropFirst(4)
      let dash = text.firstIndex(of: 0x2d) ?? text.count
      w.string(SSHFields.protoVersion, text.prefix(dash))
      let software = text.dropFirst(dash &+ 1)
      let name = software.prefix(software.firstIndex(of: 0x20) ?? software.count)
      if !name.isEmpty { w.string(SSHFields.softwareVersion, name) }
    }
    writeHASSH(d, &w, side, toServer: toServer)
    w.end()
  }

  /// HASSH (github.com/salesforce/hassh): key exchange, ciphers, MACs and compressions of the sender's own
  /// direction, put together in memory of the pool's.
  private static func writeHASSH(
    _ d: Delivery, _ w: inout EventWriter, _ side: SSHSide, toServer: Bool
  ) {
    guard let lists = SSHStream.keyExchange(d, side), let kex = lists.list(.keyExchange),
      let ciphers = lists.list(toServer ? .cipherToServer : .cipherToClient),
      let macs = lists.list(toServer ? .macToServer : .macToClient),
      let compressions = lists.list(toServer ? .compressionToServer : .compressionToClient)
    else { return }
    // Each is a part of what was kept, so that their sum is no longer than that.
    let length = kex.count &+ ciphers.count &+ macs.count &+ compressions.count &+ 3
    d.withText(room: length) { text in
      text.bytes(kex)
      text.byte(0x3b)
      text.bytes(ciphers)
      text.byte(0x3b)
      text.bytes(macs)
      text.byte(0x3b)
      text.bytes(compressions)
      w.beginObject(SSHFields.hassh)
      w.hex(SSHFields.hash, count: CCRYPTO_MD5_BYTES) {
        ccrypto_md5(text.bytes.base, text.bytes.count, $0)
      }
      w.string(SSHFields.string, text.bytes)
      w.end()
    }
  }

  // MARK: For Zeek's log

  private static func writeHidden(
    _ d: Delivery, _ w: inout EventWriter, _ state: UnsafeMutablePointer<SSHState>
  ) {
    let (client, server) = (state.pointee.client, state.pointee.server)
    banner(&w, SSHFields.clientBanner, &state.pointee.client)
    banner(&w, SSHFields.serverBanner, &state.pointee.server)
    if client.bannerCount > 0 && server.bannerCount > 0 {
      // The version is 1 only where one of the two can do no better.
      let isOld = isVersion1(&state.pointee.client) || isVersion1(&state.pointee.server)
      w.integer(SSHFields.version, UInt8(isOld ? 1 : 2))
    }
    let login = state.pointee.login
    if login.attempts > 0 { w.boolean(SSHFields.authSuccess, login.isSuccess) }
    w.integer(SSHFields.authAttempts, login.attempts)
    if let ours = SSHStream.keyExchange(d, client), let theirs = SSHStream.keyExchange(d, server) {
      agreed(&w, SSHFields.cipherAlgorithm, ours, theirs, .cipherToServer, .cipherToClient)
      agreed(&w, SSHFields.macAlgorithm, ours, theirs, .macToServer, .macToClient)
      agreed(
        &w, SSHFields.compressionAlgorithm, ours, theirs, .compressionToServer,
        .compressionToClient)
      agreed(&w, SSHFields.kexAlgorithm, ours, theirs, .keyExchange, nil)
      agreed(&w, SSHFields.hostKeyAlgorithm, ours, theirs, .hostKey, nil)
    }
    if state.pointee.hasHostKey { fingerprint(&w, state) }
  }

  private static func banner(
    _ w: inout EventWriter, _ field: EventField, _ side: inout SSHSide
  ) {
    let count = Int(side.bannerCount)
    guard count > 0 else { return }
    withUnsafeBytes(of: &side.banner) { banner in
      guard let start = banner.baseAddress else { return }
      w.string(field, Bytes(start.assumingMemoryBound(to: UInt8.self), count))
    }
  }

  private static func isVersion1(_ side: inout SSHSide) -> Bool {
    let count = Int(side.bannerCount)
    return withUnsafeBytes(of: &side.banner) { banner in
      guard let start = banner.baseAddress else { return false }
      let text = Bytes(start.assumingMemoryBound(to: UInt8.self), count)
      return text.starts(with: "SSH-1.") && !text.starts(with: "SSH-1.99")
    }
  }

  /// What both sides have of a list; of two lists, one for each direction, the one to the server, and the
  /// other behind it where it differs.
  private static func agreed(
    _ w: inout EventWriter, _ field: EventField, _ client: SSHKeyExchange,
    _ server: SSHKeyExchange, _ list: SSHList, _ back: SSHList?
  ) {
    guard let ours = client.list(list), let theirs = server.list(list),
      let name = SSHKeyExchange.agreed(ours, theirs)
    else { return }
    guard let back, let oursBack = client.list(back), let theirsBack = server.list(back),
      let nameBack = SSHKeyExchange.agreed(oursBack, theirsBack), !nameBack.equals(name)
    else { return w.string(field, name) }
    w.string(field) { text in
      text.text("To server: ")
      text.bytes(name)
      text.text(", to client: ")
      text.bytes(nameBack)
    }
  }

  /// `SHA256:` and the digest in base64 without padding, as OpenSSH shows it.
  private static func fingerprint(
    _ w: inout EventWriter, _ state: UnsafeMutablePointer<SSHState>
  ) {
    w.string(SSHFields.hostKeyFingerprint) { text in
      text.text("SHA256:")
      withUnsafeBytes(of: &state.pointee.hostKeyHash) { hash in
        guard let hash = hash.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        text.base64(Bytes(hash, 32))
      }
    }
  }
}

extension BoundedText {
  /// Base64 (RFC 4648, section 4) without padding.
  fileprivate mutating func base64(_ bytes: Bytes) {
    let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    var (bits, held): (UInt32, UInt32) = (0, 0)
    for place in 0..<bytes.count {
      // At the most 6 bits are held over from before.
      bits = (bits << 8 | UInt32(bytes.base[place])) & 0xffff
      held &+= 8
      while held >= 6 {
        held &-= 6
        byte(alphabet.utf8Start[Int(bits >> held & 63)])
      }
    }
    if held > 0 { byte(alphabet.utf8Start[Int(bits << (6 &- held) & 63)]) }
  }
}
