// The reader of capture files under libFuzzer and the address sanitizer: `make fuzz`.
//
// The input is a capture file. It is read through a mapping, and once more by another way that its
// last byte chooses: through a pipe, compressed with gzip or zstd, or merged with itself. Every
// packet must lie within the file, and each way must find the same packets and the same fault.

import CBurst
import CCompression
import FuzzDriver
import Glibc
import Ports

/// What a reading found.
struct Reading {
  var packets = 0
  var digest: UInt64 = 0
  var problems: [String] = []
  /// Given up: a file may unpack into any number of packets.
  var isEndless = false
}

/// Reads to the end; each packet must lie within `size` bytes where that is given.
func read(_ inputs: [CaptureInput], size: Int?) -> Reading {
  let stream = CaptureStream(inputs)
  let room = UnsafeMutablePointer<martlet_packet>.allocate(capacity: 32)
  let locations = UnsafeMutablePointer<PacketLocation>.allocate(capacity: 32)
  defer {
    room.deallocate()
    locations.deallocate()
  }
  var reading = Reading()
  while true {
    switch stream.fill(room, locations: locations, capacity: 32) {
    case .packets(let count):
      precondition(count > 0, "a fill of packets has some")
      for i in 0..<count {
        let packet = room[i]
        let length = Int(packet.captured_length)
        if let size {
          precondition(locations[i].offset + UInt64(length) <= UInt64(size), "within the file")
        }
        precondition(packet.timestamp_ns <= (1 << 32) * 1_000_000_000, "a time that can be")
        reading.digest = reading.digest &* 31 &+ packet.timestamp_ns
        reading.digest = reading.digest &* 31 &+ UInt64(packet.wire_length)
        reading.digest = reading.digest &* 31 &+ UInt64(packet.link_type)
        for byte in UnsafeBufferPointer(start: packet.data, count: length) {
          reading.digest = reading.digest &* 31 &+ UInt64(byte)
        }
      }
      reading.packets += count
    case .idle: break
    case .end:
      reading.problems = stream.problems.map(\.text)
      return reading
    }
    stream.forgetSpent()
    if reading.packets > 100_000 {
      reading.isEndless = true
      return reading
    }
  }
}

/// A file without a name that is written anew for each input.
let scratch: Int32 = {
  var template = Array("/dev/shm/martlet-fuzz-XXXXXX".utf8CString)
  let descriptor = mkstemp(&template)
  precondition(descriptor >= 0, "/dev/shm takes a file")
  unlink(template)
  return descriptor
}()

/// Each descriptor with an offset of its own.
func reopened() -> Int32 { open("/proc/self/fd/\(scratch)", O_RDONLY) }

func file(_ bytes: UnsafeRawBufferPointer) -> CaptureInput {
  precondition(ftruncate(scratch, 0) == 0 && ftruncate(scratch, off_t(bytes.count)) == 0)
  if let base = bytes.baseAddress {
    precondition(pwrite(scratch, base, bytes.count, 0) == bytes.count)
  }
  return CaptureInput(path: "fuzzed", descriptor: reopened())
}

func pipe(_ bytes: UnsafeRawBufferPointer) -> CaptureInput {
  var ends: [Int32] = [0, 0]
  // Holds 64 KiB without anybody reading; inputs are shorter.
  precondition(Glibc.pipe(&ends) == 0 && bytes.count <= 1 << 16)
  if let base = bytes.baseAddress {
    precondition(write(ends[1], base, bytes.count) == bytes.count)
  }
  close(ends[1])
  return CaptureInput(path: "fuzzed", descriptor: ends[0])
}

func compressed(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Reading)
  -> Reading
{
  let bound = max(ZSTD_compressBound(bytes.count), bytes.count + 1024)
  return withUnsafeTemporaryAllocation(byteCount: bound, alignment: 16) { output in
    let count = ZSTD_compress(output.baseAddress, bound, bytes.baseAddress, bytes.count, 1)
    precondition(ZSTD_isError(count) == 0)
    return body(UnsafeRawBufferPointer(rebasing: output[..<count]))
  }
}

func zipped(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Reading) -> Reading
{
  var stream = z_stream()
  let size = Int32(MemoryLayout<z_stream>.size)
  precondition(
    deflateInit2_(&stream, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK)
  defer { deflateEnd(&stream) }
  let bound = bytes.count + 1024
  return withUnsafeTemporaryAllocation(byteCount: bound, alignment: 16) { output in
    stream.next_in = UnsafeMutablePointer(
      mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
    stream.avail_in = UInt32(bytes.count)
    stream.next_out = output.bindMemory(to: UInt8.self).baseAddress
    stream.avail_out = UInt32(bound)
    precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
    return body(UnsafeRawBufferPointer(rebasing: output[..<Int(stream.total_out)]))
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  let bytes = UnsafeRawBufferPointer(start: data, count: size)
  let isCompressed =
    bytes.starts(with: [0x1f, 0x8b]) || bytes.starts(with: [0x28, 0xb5])
    || bytes.count >= 4
      && bytes[0] & 0xf0 == 0x50
    || bytes.starts(with: [0x04, 0x22]) || bytes.starts(with: [0xfd])
  let first = read([file(bytes)], size: isCompressed ? nil : size)
  if first.isEndless { return 0 }
  let other: Reading
  switch (size == 0 ? 0 : bytes[size - 1] & 3, isCompressed) {
  case (1, false): other = zipped(bytes) { read([file($0)], size: size) }
  case (2, false): other = compressed(bytes) { read([file($0)], size: size) }
  case (3, _):
    // Twice the same file: twice the packets.
    let input = file(bytes)
    let again = CaptureInput(path: "fuzzed", descriptor: reopened())
    let both = read([input, again], size: isCompressed ? nil : size)
    precondition(both.packets == 2 * first.packets, "no packet is lost in merging")
    precondition(both.problems == first.problems + first.problems, "nor a fault")
    return 0
  default: other = read([pipe(bytes)], size: isCompressed ? nil : size)
  }
  precondition(other.packets == first.packets, "the same packets each way")
  precondition(other.digest == first.digest, "the same bytes each way")
  precondition(other.problems == first.problems, "the same fault each way")
  return 0
}

@_cdecl("martlet_fuzz_capture_main")
func entry(_ count: Int32, _ arguments: Arguments) -> Int32 {
  drive(count, arguments) { fuzz($0, $1) }
}
