/// An exchange that waits for its answer: 20 bytes.
struct MQTTWaiting: BitwiseCopyable {
  var draft = EventDraft()
  /// The packet identifier that ties its messages together.
  var id: UInt16 = 0
  /// Type of its first message; 0: nothing waits here.
  var type: UInt8 = 0
  var isFromServer = false
  /// A bit for each type of message in it: a second one of a type does not go into the same record.
  var seen: UInt16 = 0
}

/// Room for ``count`` of them, the one that waits longest first.
struct MQTTPending: BitwiseCopyable {
  private struct Four: BitwiseCopyable {
    var a = MQTTWaiting()
    var b = MQTTWaiting()
    var c = MQTTWaiting()
    var d = MQTTWaiting()
  }
  private var a = Four()
  private var b = Four()
  private var c = Four()
  private var d = Four()
  private var e = Four()
  private var f = Four()

  static var count: Int { 24 }
}
