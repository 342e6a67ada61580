internal import FlowEngine

/// What is known of an SSH connection so far.
struct SSHState: BitwiseCopyable {
  var client = SSHSide()
  var server = SSHSide()
  /// The record has been made.
  var isTold = false
  /// Zeek's guess at how the login went.
  var login = SSHLogin()
  var hasHostKey = false
  /// SHA-256 of the host key.
  var hostKeyHash: InlineArray<32, UInt8> = InlineArray(repeating: 0)
}

/// One side of it.
struct SSHSide: BitwiseCopyable {
  enum Phase: UInt8, BitwiseCopyable {
    /// Lines, up to the identification.
    case lines = 0
    /// Packets in the clear.
    case packets
    /// From SSH_MSG_NEWKEYS on.
    case encrypted
    /// Nothing more can be read of it.
    case over
  }

  var phaseValue: UInt8 = 0
  /// Lines before the identification so far.
  var lines: UInt8 = 0
  /// Packets in the clear so far.
  var packets: UInt8 = 0
  /// The block of ``SSHKeyExchange``'s bytes; 0: none.
  var kexSize: UInt8 = 0
  var kexBlock: UInt32 = 0
  var kexCount: UInt32 = 0
  var bannerCount: UInt32 = 0
  var banner: InlineArray<256, UInt8> = InlineArray(repeating: 0)

  var phase: Phase {
    get { Phase(rawValue: phaseValue) ?? .over }
    set { phaseValue = newValue.rawValue }
  }

  /// The identification's longest form, without its end (RFC 4253, section 4.2).
  static let longestBanner = 255

  mutating func setBanner(_ text: Bytes) {
    let text = text.prefix(Self.longestBanner)
    withUnsafeMutableBytes(of: &banner) { banner in
      banner.copyMemory(from: UnsafeRawBufferPointer(start: text.base, count: text.count))
    }
    bannerCount = UInt32(truncatingIfNeeded: text.count)
  }
}

/// Zeek's guess at how a login went (its SSH_Analyzer::ProcessEncrypted): the server's answer to the
/// service request has a size that is known, and so has, in relation to it, a success.
struct SSHLogin: BitwiseCopyable {
  var clientSpoke = false
  var skippedBanner = false
  var isDecided = false
  var isSuccess = false
  var attempts: UInt16 = 0
  var acceptSize: UInt32 = 0
  var failureSize: UInt32 = 0

  /// One segment's encrypted bytes.
  mutating func see(_ count: Int, fromClient: Bool) {
    if isDecided { return }
    if fromClient {
      clientSpoke = true
      return
    }
    guard clientSpoke, count > 0 else { return }
    let size = UInt32(truncatingIfNeeded: count)
    if acceptSize == 0 {
      acceptSize = size
      return
    }
    let isShort = acceptSize >= 16 && size == acceptSize &- 16
    if failureSize == 0 {
      if isShort { return decide() }
      // It may be a banner to be shown before the login.
      if !skippedBanner && size > acceptSize && size &- acceptSize > 256 {
        skippedBanner = true
        return
      }
      failureSize = size
      return
    }
    if size == failureSize {
      if attempts < .max { attempts &+= 1 }
    } else if isShort {
      decide()
    }
  }

  private mutating func decide() {
    isDecided = true
    isSuccess = true
    if attempts < .max { attempts &+= 1 }
  }
}
