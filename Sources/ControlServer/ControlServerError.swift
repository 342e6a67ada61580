/// Why the control server cannot start: what was wrong, where, and what would be right.
package struct ControlServerError: Error, Equatable, Sendable, CustomStringConvertible {
  package var description: String

  init(_ description: String) { self.description = description }

  /// With the words of `strerror(3)`.
  init(_ what: String, errno code: CInt) {
    description = "\(what): \(errorText(code))"
  }
}
