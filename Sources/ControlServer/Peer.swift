package import Glibc

/// What a client may do; each role may do what those before it may.
package enum ControlRole: Int, Comparable, Sendable {
  /// See.
  case viewer
  /// Change filters and tuning.
  case `operator`
  /// Ports, shutdown, packet access.
  case admin

  package static func < (left: ControlRole, right: ControlRole) -> Bool {
    left.rawValue < right.rawValue
  }

  var name: String {
    switch self {
    case .viewer: "viewer"
    case .operator: "operator"
    case .admin: "admin"
    }
  }
}

/// Who is at the other end, as the kernel says: `struct ucred` of unix(7), which Swift's Glibc
/// module does not show.
package struct PeerCredentials: Equatable, Sendable, CustomStringConvertible {
  package var pid: pid_t
  package var uid: uid_t
  package var gid: gid_t

  package var description: String { "uid \(uid), pid \(pid)" }
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
}

/// `SO_PEERCRED`
let peerCredentialsOption = CInt(SO_PEERCRED)

/// Two milliseconds.
func sleepBriefly() { usleep(2000) }
