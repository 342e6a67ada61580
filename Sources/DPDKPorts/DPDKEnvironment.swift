package import CBurst
import CDPDK
import Foundation
package import Ports
import Synchronization

/// What DPDK's environment is started with.
package struct DPDKEnvironmentOptions: Sendable {
  /// CPU of each worker, by worker.
  package var workerCores: [Int]
  /// CPU of the main thread; nil lets it float over those that no worker has.
  package var mainCore: Int?
  /// CPUs the process may use.
  package var availableCores: [Int]
  package var noHugepages: Bool
  /// Megabytes of packet memory; nil leaves it to DPDK where there are hugepages.
  package var memoryMegabytes: Int?
  package var filePrefix: String?
  package var pciDevices: [String]
  package var extraArguments: [String]

  package init(
    workerCores: [Int], mainCore: Int?, availableCores: [Int], noHugepages: Bool,
    memoryMegabytes: Int?, filePrefix: String?, pciDevices: [String],
    extraArguments: [String] = []
  ) {
    self.workerCores = workerCores
    self.mainCore = mainCore
    self.availableCores = availableCores
    self.noHugepages = noHugepages
    self.memoryMegabytes = memoryMegabytes
    self.filePrefix = filePrefix
    self.pciDevices = pciDevices
    self.extraArguments = extraArguments
  }
}

/// DPDK's environment abstraction layer: one for the process, brought up once.
///
/// lcore 0 is the main thread and never polls; worker i is lcore i + 1, pinned to its CPU.
package final class DPDKEnvironment: WorkerHost {
  private let options: DPDKEnvironmentOptions
  private static let logLine = Mutex<(@Sendable (Int, String) -> Void)?>(nil)

  /// Starts DPDK on the calling thread, which becomes the main lcore. `log` gets each line that DPDK
  /// would log, with its level: 1 (emergency) to 8 (debug).
  package init(
    _ options: DPDKEnvironmentOptions, log: @escaping @Sendable (_ level: Int, String) -> Void
  ) throws(PortError) {
    self.options = options
    Self.logLine.withLock { $0 = log }
    cdpdk_set_log { level, line in
      guard let line else { return }
      let text = String(cString: line)
      DPDKEnvironment.logLine.withLock { $0 }?(Int(level), text)
    }
    let arguments = Self.arguments(options)
    var error = ErrorBuffer()
    // EAL keeps pointers into its arguments: they live as long as the process.
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    argv.append(nil)
    let kept = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: argv.count)
    kept.initialize(from: argv, count: argv.count)
    guard error.pass({ cdpdk_eal_init(Int32(arguments.count), kept, $0) }) == 0 else {
      throw PortError(
        "DPDK could not start (\(error.text)); it was given: "
          + arguments.dropFirst().joined(separator: " "))
    }
  }

  /// EAL's command line for these options.
  package static func arguments(_ options: DPDKEnvironmentOptions) -> [String] {
    var list = ["martletd", "--no-telemetry"]
    let workers = options.workerCores.enumerated().map { "\($0.offset + 1)@\($0.element)" }
    let free = options.availableCores.filter { !options.workerCores.contains($0) }
    let floating = options.mainCore.map { [$0] } ?? (free.isEmpty ? options.availableCores : free)
    let main = "0@(\(floating.map(String.init).joined(separator: ",")))"
    list += ["--lcores", ([main] + workers).joined(separator: ","), "--main-lcore", "0"]
    if options.noHugepages {
      // --in-memory would exclude --no-huge; a prefix of its own keeps runs apart, and without shared
      // files no folder need be writable.
      list += [
        "--no-huge", "--no-shconf", "-m", String(options.memoryMegabytes ?? 512), "--file-prefix",
        options.filePrefix ?? "martlet\(getpid())",
      ]
    } else {
      list += ["--in-memory", "--single-file-segments"]
      if let megabytes = options.memoryMegabytes { list += ["-m", String(megabytes)] }
    }
    if options.pciDevices.isEmpty {
      list.append("--no-pci")
    } else {
      for device in options.pciDevices { list += ["-a", device] }
    }
    return list + options.extraArguments
  }

  package static var version: String { String(cString: cdpdk_version()) }

  package var release: martlet_release_fn { cdpdk_release }

  package func launch(
    worker: Int, _ body: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Int32,
    argument: UnsafeMutableRawPointer?
  ) throws {
    let code = cdpdk_lcore_launch(UInt32(worker + 1), body, argument)
    guard code == 0 else {
      throw PortError("worker \(worker) could not be started: \(String(cString: strerror(-code)))")
    }
  }

  package func wait(worker: Int) { _ = cdpdk_lcore_wait(UInt32(worker + 1)) }

  package func placement(worker: Int) -> WorkerPlacement {
    let core = options.workerCores[worker]
    let mainShares =
      options.mainCore == core
      || (options.mainCore == nil
        && options.availableCores.allSatisfy { options.workerCores.contains($0) })
    let workersShare = options.workerCores.filter { $0 == core }.count > 1
    return WorkerPlacement(
      core: core, numaNode: Int(cdpdk_lcore_socket(UInt32(worker + 1))),
      isShared: mainShares || workersShare)
  }

  package func bind(memory: UnsafeMutableRawPointer, byteCount: Int, toWorker worker: Int) {
    cdpdk_prefer_node(memory, byteCount, cdpdk_lcore_socket(UInt32(worker + 1)))
  }

  /// Takes everything down; ports are closed by then.
  package func shutDown() {
    cdpdk_eal_cleanup()
    Self.logLine.withLock { $0 = nil }
    cdpdk_set_log(nil)
  }
}
