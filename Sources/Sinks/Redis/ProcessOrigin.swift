internal import Glibc

/// Which process somebody was: the boot of its machine, the namespace that its pid counts in, and when
/// it was started, as `1f0c…-4026531836-51234`.
///
/// So a process can tell that a pid of its own machine is that of somebody else by now.
struct ProcessOrigin: CustomStringConvertible, Equatable {
  var boot: String
  var namespace: UInt64
  /// Clock ticks since the boot (`starttime` of /proc/pid/stat).
  var started: UInt64

  /// This process; all empty where /proc is not there, which no process's is equal to.
  static let current = ProcessOrigin(pid: getpid()) ?? ProcessOrigin()

  private init() {
    boot = ""
    namespace = 0
    started = 0
  }

  /// A process of this machine; nil where there is none of this pid.
  init?(pid: Int32) {
    guard let line = Self.text("/proc/\(pid)/stat"),
      // The name stands in parentheses and may hold anything; 20 fields behind it is the start.
      let end = line.lastIndex(of: ")"),
      let started = UInt64(line[end...].split(separator: " ").dropFirst(20).first ?? ""),
      let boot = Self.text("/proc/sys/kernel/random/boot_id")
    else { return nil }
    self.boot = String(boot.filter { $0.isHexDigit })
    namespace = Self.inode("/proc/self/ns/pid")
    self.started = started
  }

  init?(_ text: String) {
    let parts = text.split(separator: "-")
    guard parts.count == 3, let namespace = UInt64(parts[1]), let started = UInt64(parts[2])
    else { return nil }
    boot = String(parts[0])
    self.namespace = namespace
    self.started = started
  }

  var description: String { "\(boot)-\(namespace)-\(started)" }

  func isOfThisHost(as other: ProcessOrigin) -> Bool {
    !boot.isEmpty && boot == other.boot && namespace == other.namespace
  }

  private static func inode(_ path: String) -> UInt64 {
    var status = stat()
    return stat(path, &status) == 0 ? UInt64(status.st_ino) : 0
  }

  private static func text(_ path: String) -> String? {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
  }
}
