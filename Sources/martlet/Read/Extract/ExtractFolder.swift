import Glibc
import Records

/// The folder that a run writes into: new, or empty. Its files under way, and its index.
struct ExtractFolder {
  let path: String
  let pool: PayloadFilePool
  let index: ExtractIndex
  /// It was not there before.
  private let isNew: Bool

  init(_ path: String, context: RecordContext) throws(OutputError) {
    self.path = Self.plain(path)
    isNew = try Self.make(self.path)
    do throws(OutputError) {
      pool = try PayloadFilePool(folder: self.path)
      index = try ExtractIndex(folder: self.path, context: context)
    } catch {
      Self.clear(self.path, isNew: isNew)
      throw error
    }
  }

  var error: OutputError? { pool.error ?? index.error }

  func finish() {
    pool.finish()
    index.finish()
  }

  /// After ``finish()`` of a run that never began: what was made for it goes.
  func remove() { Self.clear(path, isNew: isNew) }

  // MARK: On disk

  /// Throws where it could not be used, and makes nothing yet.
  static func check(_ path: String) throws(OutputError) {
    let path = plain(path)
    guard let names = names(in: path) else {
      if errno == ENOENT { return }
      throw OutputError(path, errno)
    }
    if names.isEmpty { return }
    throw OutputError(path, "is not empty; name a folder that is, or a new one")
  }

  /// Names of what lies in a folder; nil, with `errno`, where it cannot be read.
  static func names(in path: String) -> [String]? {
    guard let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  private static func plain(_ path: String) -> String {
    path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  /// True where it was not there.
  private static func make(_ path: String) throws(OutputError) -> Bool {
    if mkdir(path, 0o755) == 0 { return true }
    guard errno == EEXIST else { throw OutputError(path, errno) }
    try check(path)
    return false
  }

  private static func clear(_ path: String, isNew: Bool) {
    unlink("\(path)/\(ExtractIndex.name)")
    rmdir("\(path)/\(PayloadFilePool.partsName)")
    if isNew { rmdir(path) }
  }
}
