/// Where the forwarder's messages go: one line each, no secrets in them. Called from any thread.
package struct ForwardLog: Sendable {
  package enum Level: String, Sendable {
    case info, warning, error
  }

  private let write: @Sendable (Level, String) -> Void

  package init(_ write: @escaping @Sendable (Level, String) -> Void) { self.write = write }

  func info(_ text: String) { write(.info, text) }
  func warning(_ text: String) { write(.warning, text) }
  func error(_ text: String) { write(.error, text) }
}
