/// How ECS sorts events: `event.kind`, `event.category`, `event.type`
/// (ECS 8.11, "Categorization Fields").
struct ECSEventKind: Sendable {
  var kind = "event"
  var categories = ["network"]
  var types: [String]
  /// The event type is an application protocol's name.
  var isProtocol = false

  init(_ type: String) {
    switch type {
    case "flow", "netflow": types = ["connection", "end"]
    case "flow_update": types = ["connection", "info"]
    case "anomaly": types = ["info"]
    case "stats", "engine":
      kind = type == "stats" ? "metric" : "event"
      categories = []
      types = ["info"]
    case "alert":
      kind = "alert"
      categories = ["network", "intrusion_detection"]
      types = ["info"]
    case "drop": types = ["denied"]
    case "fileinfo":
      categories = ["network", "file"]
      types = ["info"]
    case "http", "http2":
      (types, isProtocol) = (["access", "protocol"], true)
      categories = ["network", "web"]
    case "smtp":
      (types, isProtocol) = (["info", "protocol"], true)
      categories = ["network", "email"]
    default:
      types = ["protocol"]
      isProtocol = true
    }
  }
}
