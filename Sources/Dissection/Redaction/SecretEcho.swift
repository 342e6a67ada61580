internal import FlowEngine

/// What a client has said last that nobody is to see. Servers repeat what they do not understand, and some
/// what they refuse: such an answer must not be shown either.
struct SecretEcho: BitwiseCopyable {
  private var text = ShortText<64>()

  /// Keeps the last word of what was masked: the ones before it are commands and names.
  mutating func remember(_ secret: Bytes) {
    var end = secret.count
    while end > 0, !Self.isLetter(secret.base[end &- 1]) { end &-= 1 }
    var start = end
    while start > 0, secret.base[start &- 1] > 0x20 { start &-= 1 }
    while start < end, !Self.isLetter(secret.base[start]) { start &+= 1 }
    if end > start { text.set(secret.prefix(end).dropFirst(start)) }
  }

  /// Quotes, brackets and the like may be the secret's or stand around it.
  private static func isLetter(_ byte: UInt8) -> Bool {
    Bytes.lowercase(byte) &- 0x61 < 26 || byte &- 0x30 < 10 || byte >= 0x80
  }

  /// An answer has it, ASCII letters being the same in either case.
  mutating func isIn(_ answer: Bytes) -> Bool {
    text.with { secret in
      guard !secret.isEmpty, secret.count <= answer.count else { return false }
      for place in 0...(answer.count &- secret.count) {
        var same = 0
        while same < secret.count,
          Bytes.lowercase(answer.base[place &+ same]) == Bytes.lowercase(secret.base[same])
        {
          same &+= 1
        }
        if same == secret.count { return true }
      }
      return false
    }
  }
}

/// Names of login mechanisms (IANA's registry of SASL's, and what was used before): what else stands in
/// their place may be the login itself.
enum LoginMechanism {
  private static func name(_ place: Int) -> StaticString? {
    switch place {
    case 0: "plain"
    case 1: "login"
    case 2: "cram-md5"
    case 3: "digest-md5"
    case 4: "ntlm"
    case 5: "gssapi"
    case 6: "xoauth2"
    case 7: "oauthbearer"
    case 8: "external"
    case 9: "anonymous"
    case 10: "kerberos_v4"
    case 11: "gss-spnego"
    case 12: "otp"
    case 13: "skey"
    case 14: "securid"
    case 15: "xoauth"
    case 16: "msn"
    case 17: "spnego"
    default: nil
    }
  }

  /// The name as it was sent where it is known, else the mask.
  static func shown(_ word: Bytes) -> Bytes {
    var place = 0
    while let name = name(place) {
      if word.equals(lowercase: name) { return word }
      place &+= 1
    }
    // SCRAM-SHA-256-PLUS, GS2-KRB5 and their like.
    let isFamily = word.starts(withLowercase: "scram-sha-") || word.starts(withLowercase: "gs2-")
    return isFamily && word.count <= 20 && word.isPrintable ? word : Bytes(Redactor.mask)
  }
}
