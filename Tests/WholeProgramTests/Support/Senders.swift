import Foundation

/// Hugepages of 2 MiB, reserved for a test where root asks for them.
enum Hugepages {
  private static let reservation = "/proc/sys/vm/nr_hugepages"

  /// Whether so many are free, or can be had; those had stay reserved for later tests.
  static func available(_ count: Int) -> Bool {
    if Requirements.freeHugepages >= count { return true }
    guard Requirements.isRoot else { return false }
    try? "\(count)".write(toFile: reservation, atomically: false, encoding: .ascii)
    return Requirements.freeHugepages >= count
  }
}

/// A network namespace with both ends of a veth pair in it, IPv6's own chatter switched off.
final class VethPair {
  let namespace: String
  let near = "near0"
  let far = "far0"

  init() throws {
    namespace = "martlet-\(getpid())-\(UInt32.random(in: 0...999_999))"
    _ = try Subprocess.output("ip", ["netns", "add", namespace])
    try inside("ip", "link", "add", near, "type", "veth", "peer", "name", far)
    for name in [near, far] {
      try inside("sysctl", "-q", "-w", "net.ipv6.conf.\(name).disable_ipv6=1")
      try inside("ip", "link", "set", name, "up", "mtu", "1600", "promisc", "on")
    }
  }

  deinit { _ = try? Subprocess.output("ip", ["netns", "del", namespace]) }

  func inside(_ program: String, _ arguments: String...) throws {
    _ = try Subprocess.output("ip", ["netns", "exec", namespace, program] + arguments)
  }

  /// Sends a capture out of the far end.
  func send(_ capture: String, packetsPerSecond: Int) throws {
    try inside("tcpreplay", "-q", "-i", far, "--pps", "\(packetsPerSecond)", capture)
  }
}

/// DPDK's own test program: reads a capture through net_pcap and forwards it to a vhost socket.
final class TestPMD {
  let folder: TemporaryFolder
  let socketPath: String
  private let process: Subprocess
  private let input: FileHandle

  init(capture: String) throws {
    folder = try TemporaryFolder()
    socketPath = folder.file("vhost.sock")
    let pipe = folder.file("commands")
    guard mkfifo(pipe, 0o600) == 0 else { throw SupportError("no pipe at \(pipe)") }
    // Both ends, so that neither side waits for the other to open it.
    let descriptor = open(pipe, O_RDWR)
    input = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    process = try Subprocess(
      "dpdk-testpmd",
      [
        "--no-pci", "--in-memory", "-l", "0,1", "-m", "128", "--vdev",
        "net_pcap0,rx_pcap=\(capture)", "--vdev", "net_vhost0,iface=\(socketPath)", "--", "-i",
        "--no-flush-rx", "--total-num-mbufs=8192", "--no-lsc-interrupt",
      ], standardInputPath: pipe)
    guard
      eventually(
        within: 30, { !process.isRunning || process.standardOutput.contains("testpmd>") }),
      process.isRunning
    else { throw SupportError("testpmd did not come up:\n\(process.standardOutput.suffix(2000))") }
  }

  /// Forwards, waiting for room in the ring instead of dropping.
  func start() throws {
    let commands = "set fwd io retry\nset burst tx delay 50 retry 1000000\nstart\n"
    try input.write(contentsOf: Data(commands.utf8))
  }

  func stop() throws {
    try input.write(contentsOf: Data("stop\nquit\n".utf8))
    try process.wait(seconds: 30)
  }
}

/// Files copied to where every user can read them, and the way to run as nobody.
struct OpenCopy {
  let folder: TemporaryFolder
  let paths: [String]

  init(of files: [String]) throws {
    let folder = try TemporaryFolder()
    self.folder = folder
    chmod(folder.path, 0o755)
    paths = try files.map { file in
      let copy = folder.file((file as NSString).lastPathComponent)
      try FileManager.default.copyItem(atPath: file, toPath: copy)
      chmod(copy, 0o644)
      return copy
    }
  }

  var asNobody: [String] {
    ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
  }
}
