import Foundation
import Records
import Testing

@testable import Sinks

/// Entries of a spool, numbered.
private func entry(_ number: Int, type: String = "flow", padding: Int = 0) -> SpoolEntry {
  let bytes = Array("{\"n\":\(number)\(String(repeating: " ", count: padding))}".utf8)
  return SpoolEntry(
    type: type, id: StreamID(milliseconds: 1000, sequence: UInt64(number)), format: .eve,
    fieldCount: 0, bytes: bytes, offset: 0, length: bytes.count)
}

private func numbers(_ spool: Spool) -> [UInt64] {
  var result: [UInt64] = []
  while let (entry, _) = spool.next() { result.append(entry.id.sequence) }
  return result
}

private func open(_ folder: TemporaryFolder, maxBytes: Int = 64 << 20) throws -> Spool {
  try Spool(directory: folder.file("s"), maxBytes: maxBytes, synchronizes: false)
}

@Suite struct SpoolTests {
  @Test func whatIsWrittenIsReadInOrderAndGoneWhenItIsSettled() throws {
    let folder = try TemporaryFolder()
    let spool = try open(folder, maxBytes: 16 << 20)
    // Segments of a MiB: some twenty of them.
    for start in stride(from: 0, to: 20_000, by: 100) {
      let positions = try spool.append((start..<start + 100).map { entry($0, padding: 700) })
      #expect(positions.count == 100 && Set(positions).count == 100)
    }
    #expect(spool.unread == 20_000)
    #expect(try folder.names("s").count > 10)
    for number in 0..<20_000 {
      let (entry, position) = try #require(spool.next())
      #expect(entry.id.sequence == UInt64(number))
      spool.settle(position)
    }
    #expect(spool.next() == nil && spool.unread == 0 && spool.bytes == 0)
    #expect(try folder.names("s") == ["lock"])
    // And once more from the beginning.
    _ = try spool.append([entry(7)])
    #expect(numbers(spool) == [7])
  }

  @Test(arguments: [false, true]) func everythingOfAnEntryComesBack(synchronized: Bool) throws {
    let folder = try TemporaryFolder()
    var spool: Spool? = try Spool(
      directory: folder.file("s"), maxBytes: 1 << 20, synchronizes: synchronized)
    let fields = Array("xx$1\r\na\r\n$1\r\n7\r\nyy".utf8)
    _ = try spool?.append([
      SpoolEntry(
        type: "flow_update", id: StreamID(milliseconds: .max, sequence: .max), format: .fields,
        fieldCount: 1, bytes: fields, offset: 2, length: fields.count - 4)
    ])
    spool = nil
    let again = try open(folder)
    let found = try #require(again.next()).entry
    #expect(found.type == "flow_update" && found.format == .fields && found.fieldCount == 1)
    #expect(found.id == StreamID(milliseconds: .max, sequence: .max))
    #expect(
      Array(found.bytes[found.offset..<found.offset + found.length])
        == Array(fields[2..<fields.count - 2]))
  }

  @Test func aSpoolHasOneUser() throws {
    let folder = try TemporaryFolder()
    var first: Spool? = try open(folder)
    let error = #expect(throws: SpoolFault.self) { try open(folder) }
    #expect(error?.description.contains("another process uses it") == true)
    #expect(first != nil)
    first = nil
    _ = try open(folder)
  }

  @Test func theNextProcessReadsWhatIsNotSettled() throws {
    let folder = try TemporaryFolder()
    do {
      let spool = try open(folder, maxBytes: 16 << 20)
      for start in stride(from: 0, to: 5000, by: 100) {
        _ = try spool.append((start..<start + 100).map { entry($0, padding: 700) })
      }
      for _ in 0..<2500 { spool.settle(try #require(spool.next()).position) }
    }
    let spool = try open(folder)
    #expect(spool.torn == 0 && spool.damaged == 0)
    let left = numbers(spool)
    // Whole segments are gone; of the one that was half done all entries come again.
    #expect(left.last == 4999 && (left.first ?? 0) <= 2500 && (left.first ?? 0) > 0)
    #expect(left == Array((left.first ?? 0)...4999))
    #expect(spool.recovered == left.count)
  }

  /// Wherever a crash tears the last entry: those before it are there, and it is counted.
  @Test func aTornEndIsCutOffAndCounted() throws {
    let folder = try TemporaryFolder()
    do {
      let spool = try open(folder)
      _ = try spool.append((0..<5).map { entry($0) })
    }
    let name = try #require(try folder.names("s").first { $0.hasSuffix(".spool") })
    let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file("s/\(name)")))
    let last = SpoolFrame.size(of: entry(4))
    for cut in 1..<last {
      try FileManager.default.removeItem(atPath: folder.file("s"))
      try FileManager.default.createDirectory(
        atPath: folder.file("s"), withIntermediateDirectories: true)
      try whole.dropLast(cut).write(to: URL(fileURLWithPath: folder.file("s/\(name)")))
      let spool = try open(folder)
      #expect(spool.torn == 1 && spool.tornBytes == last - cut, "cut by \(cut)")
      #expect(numbers(spool) == [0, 1, 2, 3])
      // What is written behind the cut is whole again.
      _ = try spool.append([entry(9)])
      #expect(numbers(spool) == [9])
    }
    try FileManager.default.removeItem(atPath: folder.file("s"))
    let spool = try open(folder)
    #expect(spool.torn == 0)
  }

  /// Any byte that has changed costs the entry it is in, or where lengths are hit what follows, and
  /// is counted; never a crash, never a wrong record.
  @Test func damageIsCountedAndNeverDelivered() throws {
    let folder = try TemporaryFolder()
    do {
      let spool = try open(folder)
      _ = try spool.append((0..<5).map { entry($0) })
    }
    let name = try #require(try folder.names("s").first { $0.hasSuffix(".spool") })
    let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file("s/\(name)")))
    for index in whole.indices {
      try? FileManager.default.removeItem(atPath: folder.file("s"))
      try FileManager.default.createDirectory(
        atPath: folder.file("s"), withIntermediateDirectories: true)
      var changed = whole
      changed[index] ^= 0x41
      try changed.write(to: URL(fileURLWithPath: folder.file("s/\(name)")))
      let spool = try open(folder)
      #expect(spool.damaged + spool.torn > 0, "byte \(index)")
      var found: [UInt64] = []
      while let (entry, _) = spool.next() {
        found.append(entry.id.sequence)
        #expect(String(decoding: entry.bytes, as: UTF8.self) == "{\"n\":\(entry.id.sequence)}")
      }
      // Behind the head, damage costs the entry it is in and no other.
      #expect(index < 16 ? found.isEmpty : found.count == 4, "byte \(index): \(found)")
      #expect(found == found.sorted() && Set(found).count == found.count)
    }
  }

  @Test func aFullSpoolSaysSoAndTakesNothingOfWhatDidNotFit() throws {
    let folder = try TemporaryFolder()
    let spool = try open(folder, maxBytes: 1 << 20)
    var written = 0
    let fault = #expect(throws: SpoolFault.self) {
      while true {
        _ = try spool.append((written..<written + 10).map { entry($0, padding: 1000) })
        written += 10
      }
    }
    #expect(fault?.isFull == true && spool.bytes <= 1 << 20 && written > 500)
    for number in 0..<written {
      let (entry, position) = try #require(spool.next())
      #expect(entry.id.sequence == UInt64(number))
      spool.settle(position)
    }
    _ = try spool.append([entry(1)])
    #expect(numbers(spool) == [1])
  }

  @Test func entriesKeepTheIDsTheyWereGivenLater() throws {
    let folder = try TemporaryFolder()
    do {
      let spool = try open(folder)
      let positions = try spool.append((0..<10).map { entry($0) })
      try spool.renumber(
        Array(positions[3..<6]), first: StreamID(milliseconds: 2000, sequence: 50))
    }
    let spool = try open(folder)
    #expect(numbers(spool) == [0, 1, 2, 50, 51, 52, 6, 7, 8, 9])
  }

  /// What a power loss leaves where a file was made longer before its data had come.
  @Test func aTailOfZerosIsOneTornEnd() throws {
    let folder = try TemporaryFolder()
    do {
      let spool = try open(folder)
      _ = try spool.append((0..<5).map { entry($0) })
    }
    let name = try #require(try folder.names("s").first { $0.hasSuffix(".spool") })
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file("s/\(name)")))
    try file.seekToEnd()
    try file.write(contentsOf: Data(repeating: 0, count: 1 << 18))
    try file.close()
    let spool = try open(folder)
    #expect(spool.torn == 1 && spool.damaged == 0)
    #expect(numbers(spool) == [0, 1, 2, 3, 4])
  }

  /// A disk that loses data under a running process: what is gone is said, and nothing waits for it.
  @Test func whatCannotBeReadAnyMoreIsMissing() throws {
    let folder = try TemporaryFolder()
    let spool = try open(folder)
    _ = try spool.append((0..<10).map { entry($0) })
    let name = try #require(try folder.names("s").first { $0.hasSuffix(".spool") })
    let size = SpoolFrame.size(of: entry(0))
    truncate(folder.file("s/\(name)"), off_t(16 + 6 * size))
    #expect(numbers(spool) == [0, 1, 2, 3, 4, 5])
    #expect(spool.unread == 0 && spool.takeMissing() == 4 && spool.takeMissing() == 0)
  }

  @Test func aSegmentThatCannotBeOpenedIsLeftAlone() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder.file("s/00000000000000000003.spool"), withIntermediateDirectories: true)
    #expect(throws: SpoolFault.self) { try open(folder) }
    #expect(try folder.names("s").contains("00000000000000000003.spool"))
  }

  @Test func whatMayHaveBeenSentIsKnownAfterACrash() throws {
    let folder = try TemporaryFolder()
    do {
      let spool = try open(folder)
      let positions = try spool.append((0..<10).map { entry($0) })
      try spool.markSent(positions[3])
      try spool.markSent(positions[2])
      #expect(!spool.mayHaveBeenSent(positions[0]), "of this process its own records say so")
    }
    let spool = try open(folder)
    var sent: [Bool] = []
    while let (_, position) = spool.next() { sent.append(spool.mayHaveBeenSent(position)) }
    #expect(sent == [Bool](repeating: true, count: 4) + [Bool](repeating: false, count: 6))
  }

  @Test func filesThatAreNoSegmentsAreSetAside() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder.file("s"), withIntermediateDirectories: true)
    let name = "00000000000000000003.spool"
    try "something else altogether".write(
      toFile: folder.file("s/\(name)"), atomically: true, encoding: .utf8)
    // A head that a crash has torn.
    try "MRTL".write(
      toFile: folder.file("s/00000000000000000004.spool"), atomically: true, encoding: .utf8)
    let spool = try open(folder)
    #expect(spool.damaged == 1 && spool.recovered == 0)
    #expect(try folder.names("s") == ["\(name).damaged", "lock"])
    _ = try spool.append([entry(1)])
    #expect(try folder.names("s").contains("00000000000000000005.spool"))
  }
}
