internal import Foundation

/// The file of a table of networks, and what was last read from it.
struct EnrichmentSource: Sendable {
  /// By which a file is known to be another one, or changed.
  private struct Stamp: Equatable, Sendable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    var seconds: Int
    var nanoseconds: Int
  }

  /// A table is read into memory.
  private static let maximumBytes: Int64 = 1 << 30

  let path: String
  private(set) var table: EnrichmentTable
  /// Nil while there is no file.
  private var stamp: Stamp?

  init(path: String) throws(RecordTransformError) {
    self.path = path
    stamp = try Self.stamp(path)
    table = try Self.read(path)
  }

  /// Reads the file again where it has changed, or `always`. Returns what is to be logged; a table
  /// that cannot be read leaves the last one in force, and is complained of once for each change.
  mutating func reload(always: Bool) -> String? {
    do throws(RecordTransformError) {
      let found = try Self.stamp(path)
      guard always || found != stamp else { return nil }
      stamp = found
      table = try Self.read(path)
      return "\(path): networks: \(table.count)"
    } catch {
      if stamp == nil, !always { return nil }
      if (try? Self.stamp(path)) == nil { stamp = nil }
      return "\(error); the networks read before stay in force"
    }
  }

  private static func stamp(_ path: String) throws(RecordTransformError) -> Stamp {
    var info = stat()
    guard stat(path, &info) == 0 else {
      throw RecordTransformError("\(path): \(String(cString: strerror(errno)))")
    }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw RecordTransformError("\(path) is not a file")
    }
    guard info.st_size <= maximumBytes else {
      throw RecordTransformError("\(path) is larger than \(maximumBytes) bytes")
    }
    return Stamp(
      device: UInt64(info.st_dev), inode: UInt64(info.st_ino), size: Int64(info.st_size),
      seconds: info.st_mtim.tv_sec, nanoseconds: info.st_mtim.tv_nsec)
  }

  private static func read(_ path: String) throws(RecordTransformError) -> EnrichmentTable {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw RecordTransformError("\(path): \(error.localizedDescription)")
    }
    return try EnrichmentReader.table(Array(data), path: path)
  }
}
