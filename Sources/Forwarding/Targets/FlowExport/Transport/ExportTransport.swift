/// How messages get to a collector. Used by one thread.
protocol ExportTransport: AnyObject {
  /// Makes a connection where there is none, or none that still stands. True: it is a new one, and
  /// the
  /// collector knows nothing.
  func connect(_ interruption: Interruption) throws(TargetFault) -> Bool
  func send(_ message: [UInt8], _ interruption: Interruption) throws(TargetFault)
  /// Waits until the peer has taken what was sent, as far as the protocol can tell.
  func settle(_ interruption: Interruption) throws(TargetFault)
  func close()
}
