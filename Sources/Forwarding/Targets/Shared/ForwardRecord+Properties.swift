internal import ControlAPI

/// What targets say of a record beside its JSON, whichever schema that follows.
extension ForwardRecord {
  private static let communityIDPath = EVEPath("community_id")
  private static let communityIDPathECS = EVEPath("network.community_id")
  private static let flowIDPath = EVEPath("flow_id")
  private static let timestampPath = EVEPath("timestamp")
  private static let timestampPathECS = EVEPath("@timestamp")

  /// The same for both directions of a flow and on every sensor; nil where the record has none.
  var communityID: String? {
    document.text(Self.communityIDPath) ?? document.text(Self.communityIDPathECS)
  }

  /// EVE's `flow_id` in decimal; nil where the record belongs to no flow.
  var flowID: String? {
    if case .number(let text)? = document.value(Self.flowIDPath) { return text }
    return nil
  }

  /// Nil where the chosen fields leave it out, or where it is no time.
  var timestamp: RecordTimestamp? {
    (document.text(Self.timestampPath) ?? document.text(Self.timestampPathECS))
      .flatMap(RecordTimestamp.init)
  }
}
