package import FlowEngine

/// Which of two segments that differ in the same bytes is believed.
package enum OverlapPolicy: String, CaseIterable, Sendable, BitwiseCopyable {
  /// What came first.
  case first
  /// What came last, as long as it has not been looked at.
  case last
  /// As Linux does: a segment that begins before what is held replaces it, but one that begins with it.
  case linux
  /// As Windows does: as `first`, but for a segment that covers the held one wholly and more on both
  /// sides.
  case windows
}

/// How far a protocol is looked into, in bytes of each direction; 0: as far as its dissector likes.
package struct DissectionDepth: Sendable {
  package var proto: AppProtocol
  package var toServer: UInt64
  package var toClient: UInt64

  package init(proto: AppProtocol, toServer: UInt64, toClient: UInt64) {
    self.proto = proto
    self.toServer = toServer
    self.toClient = toClient
  }
}

/// What is dissected, how deep, and with how much memory; of one worker.
package struct DissectionSettings: Sendable {
  /// A bit for each ``AppProtocol`` that is looked for.
  package var protocols: UInt64 = .max
  /// Flows in dissection at a time.
  package var flowCapacity = 16_384
  /// Memory for what waits behind holes, incomplete messages and records under way.
  package var bufferBytes = 32 << 20
  /// Of it, what one direction of one flow may hold behind holes.
  package var heldBytesPerDirection = 256 << 10
  package var overlapPolicy = OverlapPolicy.first
  /// Datagrams in IP fragments that are put together at a time, at the most 64 KiB of the memory each.
  package var datagramCapacity = 64
  /// TCP connections of which the client's SYN was not seen are looked into.
  package var takesMidstream = true
  /// Bytes of a direction after which nobody looks at it; 0: as far as its dissector likes.
  package var depthBytes: UInt64 = 0
  /// Other depths for some protocols.
  package var depths: [DissectionDepth] = []
  /// Bodies and attachments are hashed (SHA-256), not only measured.
  package var hashesFiles = false
  /// Compressed bodies that are decoded at a time, where they are hashed; at the most 64.
  package var inflaterCount = 16
  /// Only what stands in headers: no line of text, no subject, no name of a file.
  package var isHeaderOnly = false
  /// Names of parameters and fields whose values are masked, in lower case; also the last word of longer
  /// names: `token` has `access_token`, `X-Auth-Token` and `accessToken` masked, too.
  package var redactedNames: [String] = DissectionSettings.usualRedactedNames
  /// Records for forms other than EVE are made, too (Zeek's logs).
  package var wantsHiddenRecords = false
  /// Bytes of the ring to the publisher; a power of two.
  package var ringBytes = 4 << 20
  /// Every payload of TCP and UDP goes to who keeps streams, and bodies and attachments to who keeps files;
  /// for capture files, which can wait.
  package var keepsStreams = false
  package var keepsFiles = false
  /// Bytes of the ring of payloads, where they are kept; a power of two.
  package var payloadRingBytes = 16 << 20

  package static let usualRedactedNames = [
    "password", "passwd", "pwd", "pass", "passphrase", "passcode", "secret", "token", "api_key",
    "api-key", "apikey", "access_key", "access-key", "accesskey", "private_key", "auth",
    "authorization", "bearer", "jwt", "credential", "credentials", "sessionid", "session_id",
    "session-id", "sessid", "sid", "jsessionid", "phpsessid", "sig", "signature", "code_verifier",
    "client_assertion", "samlresponse",
  ]

  /// The longest piece of a message that a dissector may ask for at once.
  static let longestMessage = 64 << 10

  package init() {}
}

/// Of the settings what dissectors ask for while packets come: values alone, so that nothing is counted.
struct DissectionChoices: BitwiseCopyable {
  let protocols: UInt64
  let heldBytesPerDirection: Int
  let overlapPolicy: OverlapPolicy
  let takesMidstream: Bool
  let hashesFiles: Bool
  let isHeaderOnly: Bool
  let wantsHiddenRecords: Bool
  let keepsStreams: Bool
  let keepsFiles: Bool

  init(_ settings: DissectionSettings) {
    protocols = settings.protocols
    heldBytesPerDirection = settings.heldBytesPerDirection
    overlapPolicy = settings.overlapPolicy
    takesMidstream = settings.takesMidstream
    hashesFiles = settings.hashesFiles
    isHeaderOnly = settings.isHeaderOnly
    wantsHiddenRecords = settings.wantsHiddenRecords
    keepsStreams = settings.keepsStreams
    keepsFiles = settings.keepsFiles
  }

  @inline(__always)
  func isOn(_ proto: AppProtocol) -> Bool { protocols >> UInt64(proto.rawValue) & 1 != 0 }
}
