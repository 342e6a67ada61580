internal import ControlAPI

/// A composable index template from a file: the body of `PUT /_index_template/<name>`. Its name comes
/// from the file's: `eve-template.json` is `martlet-eve`.
struct IndexTemplate {
  let name: String
  let body: [UInt8]

  init(path: String, destination: IndexPattern) throws(TargetSettingsError) {
    body = try SmallFile.read(path, maximumBytes: 1 << 20)
    var name = path.split(separator: "/").last ?? ""
    if name.hasSuffix(".json") { name = name.dropLast(".json".count) }
    if name.hasSuffix("-template") { name = name.dropLast("-template".count) }
    self.name = name.hasPrefix("martlet") ? String(name) : "martlet-\(name)"
    if let problem = IndexPattern.problem(self.name) {
      throw TargetSettingsError("\(path): a template of that name \(problem)")
    }
    let root: JSONValue
    do throws(JSONParseError) {
      root = try JSONParser.parse(body[...])
    } catch {
      throw TargetSettingsError("\(path) is not JSON: \(error)")
    }
    guard case .array(let patterns)? = root["index_patterns"], !patterns.isEmpty else {
      throw TargetSettingsError("\(path) is no index template: it has no index_patterns")
    }
    if destination.isDataStream && root["data_stream"] == nil {
      throw TargetSettingsError(
        "\(path) makes indices, and no data streams: it needs \"data_stream\": {}, or leave the "
          + "data stream out")
    }
    if !destination.isDataStream && root["data_stream"] != nil {
      throw TargetSettingsError(
        "\(path) makes data streams, and no indices: give --data-stream, or take \"data_stream\" out"
      )
    }
  }
}
