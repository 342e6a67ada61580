import Foundation
import Synchronization

/// SIGINT, SIGTERM and SIGHUP, taken one at a time by the main thread instead of by a handler.
///
/// They are blocked before any other thread exists, so every thread has them blocked, and no code
/// runs where it must not allocate or lock.
struct Signals: ~Copyable {
  private var set = sigset_t()

  /// Blocks them; before the first thread is made.
  init() {
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    // A reader of ours that went away is an error of the write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
  }

  /// Waits for one of them, at the most `milliseconds`.
  mutating func wait(milliseconds: Int) -> Int32? {
    var limit = timespec(
      tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
    let number = sigtimedwait(&set, nil, &limit)
    return number > 0 ? number : nil
  }

  /// From now on a further SIGINT or SIGTERM ends the process at once, whatever hangs.
  mutating func forceOnNext() {
    let watcher = Thread {
      var set = sigset_t()
      sigemptyset(&set)
      sigaddset(&set, SIGINT)
      sigaddset(&set, SIGTERM)
      var number: Int32 = 0
      sigwait(&set, &number)
      FileHandle.standardError.write(Data("martletd: forced to end; records may be lost\n".utf8))
      _exit(128 + number)
    }
    watcher.name = "second signal"
    watcher.start()
  }
}

/// sd_notify(3) without its library: one datagram a state to the socket that systemd names.
enum ServiceManager {
  static func notify(_ state: String) {
    guard let path = ProcessInfo.processInfo.environment["NOTIFY_SOCKET"], !path.isEmpty else {
      return
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var name = Array(path.utf8)
    // A leading @ is the abstract namespace.
    if name[0] == UInt8(ascii: "@") { name[0] = 0 }
    guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let socket = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { return }
    defer { close(socket) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        state.withCString { sendto(socket, $0, strlen($0), 0, generic, length) }
      }
    }
  }
}
