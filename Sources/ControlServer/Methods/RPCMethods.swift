import ControlAPI

extension MethodTable {
  /// What the server says of itself; `others` are the methods beside these.
  static func rpcMethods(
    _ engine: any EngineInterface, _ others: [MethodEntry]
  ) -> [MethodEntry] {
    let names = [ControlMethod.rpcVersion, .rpcDiscover].map(\.rawValue) + others.map(\.name)
    let version = MethodEntry(
      .rpcVersion, "Which protocol and program answer, and whether they serve a client's version",
      role: .viewer, errors: [.versionNotServed]
    ) { (_, parameters: VersionParameters) in
      if let asked = parameters.api { try checkServed(asked) }
      return VersionInfo(martlet: try engine.status().version, methods: names)
    }
    let discover = MethodEntry(
      .rpcDiscover, "This API as an OpenRPC document", role: .viewer
    ) { (_, _: NoParameters) in JSONValue.null }
    // The document describes the method that gives it, too.
    let document = Result { try OpenRPCDocument.make([version, discover] + others) }
    return [
      version,
      MethodEntry(.rpcDiscover, discover.summary, role: discover.role) { (_, _: NoParameters) in
        try document.get()
      },
    ]
  }

  /// A version is served where its major number is ours and its minor one not above ours.
  private static func checkServed(_ version: String) throws {
    let parts = version.split(separator: ".", omittingEmptySubsequences: false).map { UInt($0) }
    guard parts.count == 2, let major = parts[0], let minor = parts[1] else {
      throw RPCError(
        .invalidParams,
        "api is \"\(version)\"; two numbers such as \(ControlVersion.text) would be"
          + " right", data: ["parameter": "api", "expected": "MAJOR.MINOR"])
    }
    guard major == ControlVersion.major, minor <= ControlVersion.minor else {
      throw RPCError(
        .versionNotServed,
        "version \(version) of the API is not served; \(ControlVersion.major).0 to"
          + " \(ControlVersion.text) are",
        data: [
          "supported": .array(
            (0...ControlVersion.minor).map { .string("\(ControlVersion.major).\($0)") })
        ])
    }
  }
}
