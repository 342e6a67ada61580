import CDPDK

/// Room for the sentence that a function of the shim writes when it fails.
struct ErrorBuffer {
  private var bytes = [CChar](repeating: 0, count: Int(CDPDK_ERROR_MAX))

  var text: String { Self.text(bytes) }

  mutating func pass<R>(_ body: (UnsafeMutablePointer<CChar>) -> R) -> R {
    bytes.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
  }

  /// A C string up to its terminator.
  static func text(_ bytes: [CChar]) -> String {
    String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
