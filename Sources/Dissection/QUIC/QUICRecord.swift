internal import FlowEngine
internal import Records

// Records of type quic: one for each hello, as Suricata has them, and one where there was none to read.

extension QUICFlow {
  private func begin(_ version: QUICVersion) -> EventWriter {
    var w = d.event()
    w.string(QUICFields.version) { version.writeEVE(to: &$0) }
    return w
  }

  private func finish(
    _ w: inout EventWriter, _ version: QUICVersion, fromClient: Bool, isWhole: Bool
  ) {
    w.string(QUICFields.versionName) { version.writeName(to: &$0) }
    let other = fromClient ? QUICVersion(value: 0) : state.pointee.version
    if other.value != 0 && other != version {
      w.boolean(QUICFields.versionNegotiated, true)
    }
    withUnsafeMutablePointer(to: &state.pointee.initialID) {
      if $0.pointee.isSet { w.hex(QUICFields.clientInitialDCID, QUICConnectionID.bytes($0)) }
    }
    withUnsafeMutablePointer(to: &state.pointee.clientID) {
      if $0.pointee.isSet { w.hex(QUICFields.clientSCID, QUICConnectionID.bytes($0)) }
    }
    withUnsafeMutablePointer(to: &state.pointee.serverID) {
      if $0.pointee.isSet { w.hex(QUICFields.serverSCID, QUICConnectionID.bytes($0)) }
    }
    if has(Flags.retried) { w.boolean(QUICFields.retry, true) }
    w.incomplete(d)
    if !isWhole || has(Flags.isCut) { w.boolean(CommonFields.incomplete, true) }
    set(Flags.emitted)
    d.emit(
      .quic, w, toServer: isToServer(fromClient: fromClient), transaction: d.nextTransaction())
  }

  // MARK: Hellos

  func writeClient(_ hello: TLSClientHello, _ version: QUICVersion, isWhole: Bool) {
    state.pointee.zeek.client(self, hello)
    var w = begin(version)
    if !hello.serverName.isEmpty { w.string(QUICFields.sni, hello.serverName) }
    let agent = QUICParameters.userAgent(hello.quicParameters, version)
    if !agent.isEmpty { w.string(QUICFields.ua, agent) }
    if isWhole && !hello.isMalformed {
      hello.writeJA3(
        d, into: &w, object: QUICFields.ja3, hash: QUICFields.hash, string: QUICFields.string)
      hello.writeJA4(d, into: &w, transport: 0x71, field: QUICFields.ja4)
    }
    writeExtensions(hello.extensions, to: &w)
    var names = ByteCursor(hello.alpn)
    if !hello.alpn.isEmpty {
      w.beginArray(QUICFields.clientALPNs)
      while let name = names.prefixed8() { w.string(QUICFields.clientALPNs, name) }
      w.end()
    }
    finish(&w, version, fromClient: true, isWhole: isWhole)
  }

  func writeServer(_ hello: TLSServerHello, _ version: QUICVersion, isWhole: Bool) {
    state.pointee.zeek.server(self, hello)
    var w = begin(version)
    if isWhole && !hello.isMalformed {
      hello.writeJA3S(
        d, into: &w, object: QUICFields.ja3s, hash: QUICFields.hash, string: QUICFields.string)
    }
    writeExtensions(hello.extensions, to: &w)
    if let name = TLSCiphers.name(hello.cipher) { w.text(QUICFields.cipher, name) }
    if let name = TLSGroups.name(hello.group) { w.text(QUICFields.keyGroup, name) }
    w.boolean(QUICFields.resumed, hello.hasPreSharedKey)
    finish(&w, version, fromClient: false, isWhole: isWhole)
  }

  private func writeExtensions(_ extensions: Bytes, to w: inout EventWriter) {
    if extensions.isEmpty { return }
    var list = TLSExtensions(extensions)
    w.beginArray(QUICFields.extensions)
    while let one = list.next() {
      w.beginObject(QUICFields.extensions)
      if let name = QUICExtensionNames.name(one.type) { w.text(QUICFields.name, name) }
      w.integer(QUICFields.type, one.type)
      writeValues(one, to: &w)
      w.end()
    }
    w.end()
  }

  /// Suricata has the values of server_name and alpn.
  private func writeValues(_ one: TLSExtension, to w: inout EventWriter) {
    guard one.type == TLSExtension.serverName || one.type == TLSExtension.alpn else { return }
    var cursor = ByteCursor(one.body)
    guard var inner = cursor.prefixed16().map(ByteCursor.init), !inner.isAtEnd else { return }
    w.beginArray(QUICFields.values)
    if one.type == TLSExtension.alpn {
      while let name = inner.prefixed8() { w.string(QUICFields.values, name) }
    } else {
      while inner.skip(1), let name = inner.prefixed16() { w.string(QUICFields.values, name) }
    }
    w.end()
  }

  func writeGoogle(_ message: QUICGoogleMessage, _ version: QUICVersion) {
    var w = begin(version)
    if let name = message.value(of: QUICGoogleMessage.serverName) {
      w.string(QUICFields.sni, name)
    }
    if let agent = message.value(of: QUICGoogleMessage.userAgent) {
      w.string(QUICFields.ua, agent)
    }
    writeCYU(message, version, to: &w)
    finish(&w, version, fromClient: true, isWhole: true)
  }

  // MARK: Others

  func writeNegotiation(_ header: QUICHeader, _ versions: Bytes) {
    var w = begin(header.version)
    w.beginArray(QUICFields.supportedVersions)
    var cursor = ByteCursor(versions)
    var count = 0
    while count < 64, let value = cursor.be32() {
      count &+= 1
      w.string(QUICFields.supportedVersions) { QUICVersion(value: value).writeEVE(to: &$0) }
    }
    w.end()
    finish(&w, header.version, fromClient: false, isWhole: true)
  }

  /// There was no hello, or none that could be read: the version, at least.
  func writeUnread() {
    let version = state.pointee.version
    guard !has(Flags.emitted) || has(Flags.retried) && !has(Flags.clientDone) else { return }
    guard version.value != 0 else { return }
    var w = begin(version)
    finish(&w, version, fromClient: true, isWhole: true)
  }
}

/// Names of extensions as Suricata has them (rust/src/quic/logger.rs).
enum QUICExtensionNames {
  static func name(_ type: UInt16) -> StaticString? {
    switch type {
    case 0: "server_name"
    case 1: "max_fragment_length"
    case 2: "client_certificate_url"
    case 3: "trusted_ca_keys"
    case 4: "truncated_hmac"
    case 5: "status_request"
    case 6: "user_mapping"
    case 7: "client_authz"
    case 8: "server_authz"
    case 9: "cert_type"
    case 10: "supported_groups"
    case 11: "ec_point_formats"
    case 12: "srp"
    case 13: "signature_algorithms"
    case 14: "use_srtp"
    case 15: "heartbeat"
    case 16: "alpn"
    case 17: "status_request_v2"
    case 18: "signed_certificate_timestamp"
    case 19: "client_certificate_type"
    case 20: "server_certificate_type"
    case 21: "padding"
    case 22: "encrypt_then_mac"
    case 23: "extended_master_secret"
    case 24: "token_binding"
    case 25: "cached_info"
    case 26: "tls_lts"
    case 27: "compress_certificate"
    case 28: "record_size_limit"
    case 29: "pwd_protect"
    case 30: "pwd_clear"
    case 31: "password_salt"
    case 32: "ticket_pinning"
    case 33: "tls_cert_with_extern_psk"
    case 34: "delegated_credentials"
    case 35: "session_ticket"
    case 36: "tlmsp"
    case 37: "tlmsp_proxying"
    case 38: "tlmsp_delegate"
    case 39: "supported_ekt_ciphers"
    case 41: "pre_shared_key"
    case 42: "early_data"
    case 43: "supported_versions"
    case 44: "cookie"
    case 45: "psk_key_exchange_modes"
    case 47: "certificate_authorities"
    case 48: "oid_filters"
    case 49: "post_handshake_auth"
    case 50: "signature_algorithms_cert"
    case 51: "key_share"
    case 52: "transparency_info"
    case 53: "connection_id_deprecated"
    case 54: "connection_id"
    case 55: "external_id_hash"
    case 56: "external_session_id"
    case 57: "quic_transport_parameters"
    case 58: "ticket_request"
    case 59: "dnssec_chain"
    case 13172: "next_protocol_negotiation"
    case 65281: "renegotiation_info"
    default: nil
    }
  }
}

/// Transport parameters (RFC 9000, section 18).
enum QUICParameters {
  /// Google's user_agent.
  private static var userAgentID: UInt64 { 0x3129 }

  static func userAgent(_ parameters: Bytes, _ version: QUICVersion) -> Bytes {
    var cursor = ByteCursor(parameters)
    // Two-byte numbers behind their common length up to draft 26 and in T050.
    let isOld =
      22...26 ~= version.draft || version.value == 0xface_b001 || version.value == 0x5430_3530
    if isOld {
      _ = cursor.skip(2)
      while let id = cursor.be16(), let value = cursor.prefixed16() {
        if UInt64(id) == userAgentID { return value }
      }
      return .empty
    }
    while let id = cursor.quicInteger(), let length = cursor.quicInteger() {
      guard length <= UInt64(cursor.remaining), let value = cursor.take(Int(length)) else {
        return .empty
      }
      if id == userAgentID { return value }
    }
    return .empty
  }
}
