/// What is kept of a connection while its handshake is looked at.
struct TLSState: BitwiseCopyable {
  /// Fields of the record so far.
  var draft = EventDraft()
  var flags: UInt32 = 0
  var client = TLSDirection()
  var server = TLSDirection()
  /// That the server chose; 0 where its hello was not seen.
  var version: UInt16 = 0
  var cipher: UInt16 = 0
  var group: UInt16 = 0
  /// Encrypted records of the server since its hello, in TLS 1.3.
  var encryptedRecords: UInt16 = 0
  var historyCount: UInt8 = 0
  var serverNameCount: UInt8 = 0
  var sessionCount: UInt8 = 0
  var alertCount: UInt8 = 0
  /// The first alerts: one from the client, its level, its description.
  var alerts = InlineArray<4, (UInt8, UInt8, UInt8)>(repeating: (0, 0, 0))
  var lastAlert: UInt8 = 0
  /// Of the packet that the record is about: the one that brought the certificate, or ended the
  /// handshake.
  var time: Int64 = 0
  var ordinal: UInt64 = 0
  /// Of the first message.
  var start: Int64 = 0
  var history = InlineArray<100, UInt8>(repeating: 0)
  /// The session id of the client's hello.
  var session = InlineArray<32, UInt8>(repeating: 0)
  /// The name that the client asks for, to be compared with the certificate's.
  var serverName = InlineArray<255, UInt8>(repeating: 0)

  enum Flags {
    static var clientHello: UInt32 { 1 << 0 }
    static var serverHello: UInt32 { 1 << 1 }
    static var serverCertificate: UInt32 { 1 << 2 }
    static var clientCertificate: UInt32 { 1 << 3 }
    static var certificateRequest: UInt32 { 1 << 4 }
    static var serverHelloDone: UInt32 { 1 << 5 }
    static var resumed: UInt32 { 1 << 6 }
    static var ticketOffered: UInt32 { 1 << 7 }
    static var earlyData: UInt32 { 1 << 9 }
    static var retryRequest: UInt32 { 1 << 10 }
    static var established: UInt32 { 1 << 11 }
    /// `time` and `ordinal` are set.
    static var dated: UInt32 { 1 << 12 }
    /// The record can be made.
    static var over: UInt32 { 1 << 15 }
    static var emitted: UInt32 { 1 << 13 }
    /// Some of what the record is made of was cut.
    static var cut: UInt32 { 1 << 14 }
  }

  func has(_ flag: UInt32) -> Bool { flags & flag != 0 }
}

/// One direction's record layer and the handshake message that is being put together.
struct TLSDirection: BitwiseCopyable {
  /// The message's body as far as it is there, in a block of the pool.
  var block: UInt32 = 0
  /// Bytes in the block.
  var kept: UInt32 = 0
  /// The message's type and length, as far as they are there.
  var head: UInt32 = 0
  /// Bytes of the message that have gone by, with type and length; more than are kept where it is
  /// too long.
  var seen: UInt32 = 0
  /// Bytes of a message still to come that are not looked at.
  var unwanted: UInt32 = 0
  var size: UInt8 = 0
  var flags: UInt8 = 0
  /// Bytes of a record of handshake messages still to come.
  var record: UInt32 = 0
  /// Bytes of a record still to come behind a hole in it, which nobody can read.
  var rest: UInt32 = 0

  enum Flags {
    /// A record was seen.
    static var begun: UInt8 { 1 << 0 }
    /// After ChangeCipherSpec.
    static var encrypted: UInt8 { 1 << 1 }
    /// A hole has hidden where the next record begins.
    static var unsure: UInt8 { 1 << 2 }
    /// A hole has hidden where the next message begins.
    static var lost: UInt8 { 1 << 3 }
  }

  func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
}
