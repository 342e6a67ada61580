import CBurst
import CMemoryPort
import Foundation

/// The port in memory, its buffers filled from a ``Traffic``.
final class MemoryPort {
  /// Packets between two fillings.
  let capacity: Int
  let port: UnsafeMutablePointer<memory_port>
  let queue: UnsafeMutablePointer<martlet_rx_queue>
  private let buffers: HugeMemory
  private let free: UnsafeMutablePointer<UnsafeMutableRawPointer?>

  /// A descriptor ring's worth of packets: of usual length, so that what is filled is still in a cache of
  /// the core, as what a NIC or a vhost writes is in one near it.
  static let ringPackets = 1_024

  init(capacity: Int = ringPackets) {
    precondition(capacity % Int(MARTLET_BURST_CAPACITY) == 0)
    self.capacity = capacity
    buffers = HugeMemory(bytes: capacity * Int(MEMORY_PORT_STRIDE))
    free = .allocate(capacity: capacity)
    free.initialize(repeating: nil, count: capacity)
    port = .allocate(capacity: 1)
    port.initialize(
      to: memory_port(
        buffers: buffers.start.assumingMemoryBound(to: UInt8.self), free: free, filled: 0, next: 0,
        released: 0, odd: 0))
    for i in 0..<capacity {
      let buffer = memory_port_at(port, UInt32(i))!
      let start = UnsafeMutableRawPointer(buffer) + 128
      buffer.pointee = memory_port_buffer()
      buffer.pointee.start = start.assumingMemoryBound(to: UInt8.self)
      buffer.pointee.data_offset = UInt16(MEMORY_PORT_FRAME_OFFSET - 128)
      buffer.pointee.references = 1
      buffer.pointee.segments = 1
    }
    queue = .allocate(capacity: 1)
    queue.initialize(
      to: martlet_rx_queue(
        context: UnsafeMutableRawPointer(port), receive: memory_port_receive,
        release: memory_port_release, port: 0, queue: 0, flags: 0))
  }

  deinit {
    queue.deallocate()
    port.deallocate()
    free.deallocate()
  }

  /// Fills the first `count` buffers; all from before have been received and given back.
  func fill(_ traffic: some Traffic, count: Int) {
    precondition(count <= capacity)
    precondition(
      port.pointee.next == port.pointee.filled && port.pointee.released == port.pointee.filled
        && port.pointee.odd == 0, "every packet has come back to the port")
    for i in 0..<count {
      let buffer = memory_port_at(port, UInt32(i))!
      let frame = UnsafeMutableRawPointer(buffer) + Int(MEMORY_PORT_FRAME_OFFSET)
      let length = traffic.next(FrameWriter(frame: frame))
      buffer.pointee.data_length = UInt16(length)
      buffer.pointee.wire_length = UInt32(length)
    }
    port.pointee.filled = UInt32(count)
    port.pointee.next = 0
    port.pointee.released = 0
  }
}

/// Zeroed memory on transparent hugepages, as the engine's own where none are reserved.
final class HugeMemory {
  let start: UnsafeMutableRawPointer
  let bytes: Int
  private let mapping: UnsafeMutableRawPointer
  private let mappedBytes: Int
  private static let page = 2 << 20

  init(bytes wanted: Int) {
    bytes = (wanted + Self.page - 1) & ~(Self.page - 1)
    mappedBytes = bytes + Self.page
    mapping = mmap(
      nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    precondition(mapping != MAP_FAILED, "no \(bytes) bytes of memory")
    start = UnsafeMutableRawPointer(
      bitPattern: (UInt(bitPattern: mapping) + UInt(Self.page) - 1) & ~UInt(Self.page - 1))!
    madvise(start, bytes, MADV_HUGEPAGE)
    start.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
  }

  deinit { munmap(mapping, mappedBytes) }
}
