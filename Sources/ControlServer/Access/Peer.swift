package import Glibc

/// What a client may do; each role may do what those before it may.
package enum ControlRole: Int, Comparable, Sendable, CaseIterable {
  /// See.
  case viewer
  /// Change filters and tuning.
  case `operator`
  /// Ports, shutdown, packet access.
  case admin

  package static func < (left: ControlRole, right: ControlRole) -> Bool {
    left.rawValue < right.rawValue
  }

  package var name: String {
    switch self {
    case .viewer: "viewer"
    case .operator: "operator"
    case .admin: "admin"
    }
  }
}

/// Who is at the other end, as the kernel says.
package struct PeerCredentials: Equatable, Sendable, CustomStringConvertible {
  package var pid: pid_t
  package var uid: uid_t
  package var gid: gid_t
  /// The supplementary groups, all of them.
  package var groups: [gid_t]

  package init(pid: pid_t, uid: uid_t, gid: gid_t, groups: [gid_t] = []) {
    self.pid = pid
    self.uid = uid
    self.gid = gid
    self.groups = groups
  }

  package var description: String { "uid \(uid), pid \(pid)" }
}

extension PeerCredentials {
  /// `SO_PEERGROUPS` of asm-generic/socket.h, which Glibc's headers do not show to Swift.
  private static let peerGroupsOption: CInt = 59
  /// NGROUPS_MAX of Linux: no process has more.
  private static let maximumGroups = 65_536

  /// Asks the kernel about the peer of a connected Unix socket: as it was when it connected, or made
  /// the listening socket. Nil where it cannot say.
  package init?(socket descriptor: CInt) {
    // struct ucred of unix(7): pid, uid, gid, 32 bits each.
    var credentials: (pid: pid_t, uid: uid_t, gid: gid_t) = (0, 0, 0)
    var length = socklen_t(MemoryLayout.size(ofValue: credentials))
    guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0,
      Int(length) == MemoryLayout.size(ofValue: credentials),
      let groups = Self.groups(ofPeerAt: descriptor)
    else { return nil }
    self.init(
      pid: credentials.pid, uid: credentials.uid, gid: credentials.gid, groups: groups)
  }

  /// The peer's supplementary groups. Where they are more than there is room for the kernel says
  /// ERANGE and how much it takes; a kernel that does not know the question (before 4.13) has none.
  private static func groups(ofPeerAt descriptor: CInt) -> [gid_t]? {
    var groups = [gid_t](repeating: 0, count: 32)
    while true {
      var bytes = socklen_t(groups.count * MemoryLayout<gid_t>.stride)
      if getsockopt(descriptor, SOL_SOCKET, peerGroupsOption, &groups, &bytes) == 0 {
        return Array(groups.prefix(Int(bytes) / MemoryLayout<gid_t>.stride))
      }
      if errno == ENOPROTOOPT { return [] }
      let needed = Int(bytes) / MemoryLayout<gid_t>.stride
      guard errno == ERANGE, needed > groups.count, needed <= maximumGroups else { return nil }
      groups = [gid_t](repeating: 0, count: needed)
    }
  }
}

/// Gives a peer its role; nil where it may not connect at all.
package typealias ControlAuthorizer = @Sendable (PeerCredentials) -> ControlRole?

/// Root and the daemon's own uid are admin, and nobody else connects.
package let ownerAuthorizer: ControlAuthorizer = { peer in
  peer.uid == 0 || peer.uid == geteuid() ? .admin : nil
}

/// A client that has been let in.
struct ControlPeer: Sendable {
  var credentials: PeerCredentials
  var role: ControlRole
  /// What belongs to this connection alone.
  var session = ClientSession()
}

/// Two milliseconds.
func sleepBriefly() { usleep(2000) }
