/// Commands of IMAP (RFC 3501, RFC 9051 and extensions): any other word may be a secret.
enum IMAPCommands {
  private static func name(_ place: Int) -> StaticString? {
    switch place {
    case 0: "fetch"
    case 1: "uid"
    case 2: "noop"
    case 3: "capability"
    case 4: "login"
    case 5: "logout"
    case 6: "select"
    case 7: "examine"
    case 8: "list"
    case 9: "lsub"
    case 10: "status"
    case 11: "append"
    case 12: "store"
    case 13: "search"
    case 14: "copy"
    case 15: "move"
    case 16: "expunge"
    case 17: "close"
    case 18: "check"
    case 19: "idle"
    case 20: "id"
    case 21: "authenticate"
    case 22: "starttls"
    case 23: "create"
    case 24: "delete"
    case 25: "rename"
    case 26: "subscribe"
    case 27: "unsubscribe"
    case 28: "namespace"
    case 29: "enable"
    case 30: "unselect"
    case 31: "sort"
    case 32: "thread"
    case 33: "getquota"
    case 34: "getquotaroot"
    case 35: "setquota"
    case 36: "getacl"
    case 37: "setacl"
    case 38: "deleteacl"
    case 39: "listrights"
    case 40: "myrights"
    case 41: "compress"
    case 42: "getmetadata"
    case 43: "setmetadata"
    case 44: "getannotation"
    case 45: "setannotation"
    case 46: "notify"
    case 47: "xlist"
    case 48: "unauthenticate"
    case 49: "replace"
    default: nil
    }
  }

  static func isKnown(_ word: Bytes) -> Bool {
    var place = 0
    while let name = name(place) {
      if word.equals(lowercase: name) { return true }
      place &+= 1
    }
    return false
  }
}
