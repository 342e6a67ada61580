internal import ControlAPI

/// What a cluster says of itself at `/`.
struct ElasticsearchCluster: Equatable {
  /// `elasticsearch`, or `opensearch`.
  var distribution: String
  var version: String
  var name: String

  /// Reads the answer; nil where it is neither of the two.
  init?(_ body: [UInt8]) {
    guard let root = try? JSONParser.parse(body[...]),
      case .string(let version)? = root["version"]?["number"]
    else { return nil }
    self.version = version
    if case .string(let text)? = root["version"]?["distribution"] {
      distribution = text
    } else {
      distribution = "elasticsearch"
    }
    if case .string(let text)? = root["cluster_name"] { name = text } else { name = "" }
  }

  private var numbers: (major: Int, minor: Int) {
    let parts = version.split(separator: ".")
    return (Int(parts.first ?? "") ?? 0, parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
  }

  /// Why records cannot go there; nil where they can.
  var problem: String? {
    if distribution == "elasticsearch" && numbers.major < 7 {
      return "Elasticsearch \(version) is too old: 7.9 or newer is needed"
    }
    return nil
  }

  /// Elasticsearch 8.13 and newer can be told to make no index where a data stream is meant.
  var knowsRequireDataStream: Bool {
    distribution == "elasticsearch" && numbers >= (8, 13)
  }
}
