import CBurst
import FlowEngine
import Glibc
import Ports
import Runtime

/// The inputs once more, for who wants their packets: which flow each is in is known from the first
/// reading.
final class SecondReading {
  private let options: Read
  let selection: FlowSelection
  /// What the workers write in the first reading.
  private let words: SparseWords
  var map: PacketMap { PacketMap(words: words.words, count: UInt64(words.count)) }
  private(set) var packetsWritten: UInt64 = 0
  private(set) var filesWritten = 0

  init(_ options: Read) throws(OutputError) {
    self.options = options
    selection = try FlowSelection(context: options.context)
    words = try SparseWords(count: FlowSelection.packetCapacity)
  }

  /// A pipe can be read once only: its bytes go to a temporary file first.
  static func spool(
    _ input: CaptureInput, isInterrupted: () -> Bool
  ) throws(OutputError) -> CaptureInput {
    var status = stat()
    let source = input.descriptor ?? open(input.path, O_RDONLY | O_CLOEXEC)
    guard source >= 0, fstat(source, &status) == 0 else { throw OutputError(input.path, errno) }
    if status.st_mode & S_IFMT == S_IFREG && input.descriptor == nil {
      close(source)
      return input
    }
    let target = try TemporaryFile.forOutput()
    let size = 1 << 20
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    defer { buffer.deallocate() }
    while !isInterrupted() {
      var request = pollfd(fd: source, events: Int16(POLLIN), revents: 0)
      if poll(&request, 1, 100) <= 0 { continue }
      let count = read(source, buffer, size)
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw OutputError(input.path, errno) }
      if count == 0 { break }
      var done = 0
      while done < count {
        let written = write(target, buffer + done, count - done)
        if written < 0 && errno == EINTR { continue }
        if written < 0 { throw OutputError("a temporary file in \(TemporaryFile.folder)", errno) }
        done += written
      }
    }
    return CaptureInput(path: input.path, descriptor: target)
  }

  /// Each reading opens what was spooled for itself: copies of a descriptor would share its place.
  static func copies(_ inputs: [CaptureInput]) throws(OutputError) -> [CaptureInput] {
    var copies = inputs
    for place in copies.indices {
      guard let descriptor = copies[place].descriptor else { continue }
      let copy = open("/proc/self/fd/\(descriptor)", O_RDONLY | O_CLOEXEC)
      guard copy >= 0 else { throw OutputError(copies[place].path, errno) }
      copies[place].descriptor = copy
    }
    return copies
  }

  /// Before packets up to `ordinal` are handed out.
  func reserve(ordinal: UInt64) throws(OutputError) {
    try words.reserve(Int(min(ordinal, UInt64(words.count))))
    try selection.reserve(ordinal: ordinal)
  }

  /// Reads `packets` packets and gives them to whoever wants them. `nanoseconds`: some input's times are
  /// finer than microseconds. Returns false where `progress` said so.
  func run(
    _ inputs: [CaptureInput], packets: UInt64, nanoseconds: Bool, linkType: UInt32,
    progress: (UInt64) -> Bool
  ) throws(OutputError) -> Bool {
    guard packets <= UInt64(words.count) else {
      throw OutputError("the packets", "are more than \(words.count), which is the limit here")
    }
    var file: PacketFile?
    if let path = options.writePcap {
      file = try PacketFile(path: path, nanoseconds: nanoseconds)
    }
    var splitter: PacketSplitter?
    if let criterion = options.splitBy {
      splitter = try PacketSplitter(
        criterion, folder: options.splitInto ?? ".", selection: selection,
        nanoseconds: nanoseconds, limit: options.splitLimit,
        inputs: Set(inputs.compactMap { FileIdentity($0.path, $0.descriptor) }))
    }
    var index: PacketIndex?
    if let path = options.index {
      index = try PacketIndex(path: path, selection: selection, packets: packets)
    }
    let stream = CaptureStream(try Self.copies(inputs), inOrder: options.inOrder)
    let batch = 256
    let staged = UnsafeMutablePointer<martlet_packet>.allocate(capacity: batch)
    let locations = UnsafeMutablePointer<PacketLocation>.allocate(capacity: batch)
    defer {
      staged.deallocate()
      locations.deallocate()
    }
    let map = map
    let takesAll = options.where == nil
    var ordinal: UInt64 = 0
    var isWhole = true
    reading: while ordinal < packets {
      switch stream.fill(staged, locations: locations, capacity: batch) {
      case .end: break reading
      case .idle: break
      case .packets(let count):
        for i in 0..<count where ordinal + UInt64(i) < packets {
          let packet = staged + i
          guard map.passed(ordinal + UInt64(i)) else { continue }
          let number = map.flow(of: ordinal + UInt64(i)).flatMap(selection.number)
          if number != nil || takesAll { file?.write(packet) }
          guard let number else { continue }
          splitter?.write(packet, flow: number)
          index?.note(packet, at: locations[i], flow: number)
        }
        ordinal += UInt64(count)
      }
      stream.forgetSpent()
      if let error = file?.error ?? splitter?.error { throw error }
      if !progress(ordinal) {
        isWhole = false
        break
      }
    }
    if isWhole && ordinal < packets {
      throw OutputError("the inputs", "became shorter while they were read")
    }
    file?.finish(linkType: linkType)
    splitter?.finish()
    index?.finish(files: inputs.map { ($0.path, Self.size($0)) })
    packetsWritten = file?.packets ?? 0
    filesWritten = splitter?.fileCount ?? 0
    if let error = file?.error ?? splitter?.error ?? index?.error { throw error }
    return isWhole
  }

  private static func size(_ input: CaptureInput) -> UInt64? {
    var status = stat()
    let known =
      input.descriptor.map { fstat($0, &status) == 0 } ?? (stat(input.path, &status) == 0)
    return known ? UInt64(status.st_size) : nil
  }
}
