import Glibc

/// Which users and groups have which role, resolved from the configuration's names.
///
/// Root and the daemon's own user are admin whatever is configured: they could do to the process what
/// they like in any case. Where several entries fit a peer, the highest role counts.
package struct AccessList: Sendable, Equatable {
  private var users: [uid_t: ControlRole]
  private var groups: [gid_t: ControlRole] = [:]

  /// Root and the daemon's own user, and nobody else.
  package init() {
    // Not a literal of both: they may be the same, and a literal must not have a key twice.
    users = [0: .admin]
    users[geteuid()] = .admin
  }

  /// - Parameters: users (`alice`, `1001`) and groups (`@netops`, `@2000`) of each role.
  /// - Throws: ``AccessListError`` for the first that there is not.
  package init(
    viewers: [String], operators: [String], admins: [String]
  ) throws(AccessListError) {
    self.init()
    for (role, key, names) in [
      (ControlRole.viewer, "viewers", viewers), (.operator, "operators", operators),
      (.admin, "admins", admins),
    ] {
      for name in names { try add(name, role, key) }
    }
  }

  private mutating func add(
    _ name: String, _ role: ControlRole, _ key: String
  ) throws(AccessListError) {
    if name.hasPrefix("@") {
      let group = String(name.dropFirst())
      guard let number = gid_t(group) ?? AccountNames.gid(ofGroup: group) else {
        throw AccessListError(
          key: key, name: name, words: "there is no group \"\(group)\" on this machine")
      }
      groups[number] = max(role, groups[number] ?? role)
    } else {
      guard let number = uid_t(name) ?? AccountNames.uid(ofUser: name) else {
        throw AccessListError(
          key: key, name: name,
          words: "there is no user \"\(name)\" on this machine; a group is written @\(name)")
      }
      users[number] = max(role, users[number] ?? role)
    }
  }

  /// The highest role that the peer's uid, gid and supplementary groups give it; nil for none.
  package func role(of peer: PeerCredentials) -> ControlRole? {
    var roles = [users[peer.uid], groups[peer.gid]].compactMap { $0 }
    for group in peer.groups {
      if let role = groups[group] { roles.append(role) }
    }
    return roles.max()
  }

  package var authorizer: ControlAuthorizer { { role(of: $0) } }
}

/// A name in `control.viewers`, `control.operators` or `control.admins` that nobody bears.
package struct AccessListError: Error, Equatable, Sendable, CustomStringConvertible {
  /// `viewers`
  package var key: String
  package var name: String
  var words: String

  package var description: String { "control.\(key): \(words)" }
}

/// The system's user and group database.
enum AccountNames {
  /// Long enough for a group of thousands.
  private static let maximumRecordBytes = 16 << 20

  static func uid(ofUser name: String) -> uid_t? {
    var record = passwd()
    return lookUp { buffer, found in
      var pointer: UnsafeMutablePointer<passwd>?
      let code = getpwnam_r(name, &record, &buffer, buffer.count, &pointer)
      found = pointer != nil
      return code
    } ? record.pw_uid : nil
  }

  static func gid(ofGroup name: String) -> gid_t? {
    var record = group()
    return lookUp { buffer, found in
      var pointer: UnsafeMutablePointer<group>?
      let code = getgrnam_r(name, &record, &buffer, buffer.count, &pointer)
      found = pointer != nil
      return code
    } ? record.gr_gid : nil
  }

  /// Whether there is one; asks again with more room while ERANGE says that the record is longer.
  private static func lookUp(_ ask: (inout [CChar], inout Bool) -> CInt) -> Bool {
    var buffer = [CChar](repeating: 0, count: 4096)
    while true {
      var found = false
      let code = ask(&buffer, &found)
      guard code == ERANGE, buffer.count < maximumRecordBytes else { return code == 0 && found }
      buffer = [CChar](repeating: 0, count: buffer.count * 4)
    }
  }
}
