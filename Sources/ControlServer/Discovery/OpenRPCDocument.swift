import ControlAPI

enum OpenRPCDocument {
  static func make(_ entries: [MethodEntry]) -> JSONValue { [:] }
}
