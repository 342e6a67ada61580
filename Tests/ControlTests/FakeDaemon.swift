import ControlServer
import Foundation
import Logging
import Testing

/// Not a test: serves moving numbers to look at `martlet` with, where `MARTLET_FAKE_DAEMON` names
/// a socket path. Ends with `martlet shutdown`, or after `MARTLET_FAKE_SECONDS` (600).
@Test(.enabled(if: ProcessInfo.processInfo.environment["MARTLET_FAKE_DAEMON"] != nil))
func fakeDaemon() throws {
  let environment = ProcessInfo.processInfo.environment
  let engine = LiveStubEngine()
  let server = ControlServer(
    engine: engine, socketPath: environment["MARTLET_FAKE_DAEMON"] ?? "",
    logger: Logger(label: "fake"))
  try server.start()
  let seconds = environment["MARTLET_FAKE_SECONDS"].flatMap { Double($0) } ?? 600
  let deadline = Date().addingTimeInterval(seconds)
  while !engine.isStopping && Date() < deadline { Thread.sleep(forTimeInterval: 0.1) }
  server.stop()
}
