import Dissection
import Glibc
import Records

/// A folder with a file for each type of record.
///
/// Files of types that have no record are not begun, so what an earlier run left there would stand beside this
/// one's: a folder with a file of ``names`` is refused, unless it was said that they may go. Then, with the first
/// record, or at the end, every one goes that is not this run's. Not sooner: a run that fails at once leaves all
/// as it was.
final class OutputFolder {
  /// With a slash at its end.
  let path: String
  /// All that this format ever writes.
  let names: [String]
  private var opened: Set<String> = []
  private var isClear = false
  private(set) var error: OutputError?

  /// Nothing is made yet.
  init(_ path: String, names: [String]) {
    self.path = path.hasSuffix("/") ? path : path + "/"
    self.names = names
  }

  /// Throws where records of an earlier run are there.
  func checkThatNoneIsThere() throws(OutputError) {
    let found = names.filter { isEarlier($0) }
    guard !found.isEmpty else { return }
    let shown = found.prefix(Self.mostShown).joined(separator: ", ")
    let rest = found.count - Self.mostShown
    throw OutputError(
      path,
      "records are there already: \(shown)\(rest > 0 ? " and \(rest) more" : ""); name another folder,"
        + " or --overwrite them")
  }

  private static let mostShown = 4

  /// A pipe or a folder of that name is no earlier run's.
  private func isEarlier(_ name: String) -> Bool {
    var status = stat()
    guard lstat(path + name, &status) == 0 else { return false }
    let kind = status.st_mode & S_IFMT
    return kind == S_IFREG || kind == S_IFLNK
  }

  /// Opens the file of that name, and makes the folder where it is not there.
  func file(_ name: String) throws(OutputError) -> OutputFile {
    if mkdir(path, 0o755) != 0 && errno != EEXIST { throw OutputError(path, errno) }
    opened.insert(name)
    return try OutputFile(path: path + name)
  }

  /// Before anything is written to it.
  func clear() {
    if isClear { return }
    isClear = true
    for name in names where !opened.contains(name) {
      if isEarlier(name), unlink(path + name) != 0, error == nil {
        error = OutputError(path + name, errno)
      }
    }
  }
}

extension OutputFolder {
  static func names(_ format: Read.Format, _ context: RecordContext) -> [String] {
    switch format {
    case .none: []
    case .table, .fields: ["flow.txt"]
    case .csv: ["flow.csv"]
    case .eve: EventType.allCases.map { EVEOutput.fileName($0) }
    case .zeek: ["conn.log", "weird.log"] + EventLogs(context).logs.map(\.fileName)
    }
  }
}
