import Foundation

/// Which files are meant by what a person names: files, folders and everything in them, `-`.
package struct CaptureInputs: Sendable {
  package private(set) var inputs: [CaptureInput] = []
  package private(set) var problems: [CaptureProblem] = []
  /// Files that were named as such; others were found in folders, where there may be anything.
  private var named: Set<String> = []
  private var seen: Set<String> = []

  /// `follows`: more is expected at the end of each named file.
  package init(_ paths: [String], follows: Bool = false) {
    for path in paths {
      if path == "-" {
        guard !inputs.contains(where: { $0.descriptor == 0 }) else { continue }
        inputs.append(CaptureInput(path: "standard input", descriptor: 0))
        named.insert("standard input")
        continue
      }
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        problems.append(CaptureProblem(.unreadable, file: path, "no such file or folder"))
        continue
      }
      if isFolder.boolValue {
        addFolder(path)
      } else if add(path, follows: follows) {
        named.insert(path)
      }
    }
    problems += RotationGaps.find(in: inputs.map(\.path))
  }

  /// A file that is named twice, or found again in a folder, is read once.
  private mutating func add(_ path: String, follows: Bool = false) -> Bool {
    let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    guard seen.insert(real).inserted else { return false }
    inputs.append(CaptureInput(path: path, follows: follows))
    return true
  }

  private mutating func addFolder(_ folder: String) {
    guard let names = try? FileManager.default.subpathsOfDirectory(atPath: folder) else {
      problems.append(CaptureProblem(.unreadable, file: folder, "the folder cannot be read"))
      return
    }
    let before = inputs.count
    for name in names.sorted() {
      let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
      if Self.looksLikeACapture(path) { _ = add(path) }
    }
    if inputs.count == before {
      problems.append(CaptureProblem(.unreadable, file: folder, "no capture file in this folder"))
    }
  }

  /// By its first bytes; what is compressed may be one.
  private static func looksLikeACapture(_ path: String) -> Bool {
    var status = stat()
    // Before anything is opened: a FIFO in a folder would wait for its writer.
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var magic = [UInt8](repeating: 0, count: CaptureFormat.magicLength)
    let got = read(descriptor, &magic, magic.count)
    guard got > 0 else { return false }
    return magic.withUnsafeBytes {
      CaptureFormat.detect(UnsafeRawBufferPointer(rebasing: $0[..<got])) != nil
    }
  }

  /// Whether a problem of the reading is worth telling: what was found in a folder, is compressed, and
  /// turns out to hold something else, is not.
  package func concerns(_ problem: CaptureProblem) -> Bool {
    problem.kind != .notACapture || named.contains(problem.file)
  }
}

/// Files of a rotation that are not there, told from the names of those that are.
enum RotationGaps {
  /// More missing numbers than this in one place, and the names are no rotation's.
  private static let longestGap = 1000

  static func find(in paths: [String]) -> [CaptureProblem] {
    var groups: [String: [(number: Int, path: String)]] = [:]
    var order: [String] = []
    var dated: [String: [(time: Int, path: String)]] = [:]
    for path in paths {
      if let (series, time) = dateStamp(path) { dated[series, default: []].append((time, path)) }
      guard let (series, number) = serialNumber(path) else { continue }
      if groups[series] == nil { order.append(series) }
      groups[series, default: []].append((number, path))
    }
    var problems: [CaptureProblem] = []
    for series in order { problems += gaps(inSeries: groups[series]!) }
    for series in dated.keys.sorted() { problems += gaps(inTimes: dated[series]!) }
    return problems
  }

  /// `cap_00012_20261121093000.pcapng` (dumpcap), `cap.pcap12` (tcpdump -C), `cap-0012.pcap.gz`: the
  /// series and the number within it.
  static func serialNumber(_ path: String) -> (series: String, number: Int)? {
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let (folder, name) = (path[..<slash], path[slash...])
    if let match = name.wholeMatch(of: /(.*)_([0-9]{5,6})_([0-9]{14})(\..*)?/) {
      return ("\(folder)\(match.1)_#\(match.4 ?? "")", Int(match.2) ?? 0)
    }
    if let match = name.wholeMatch(of: /(.*\.(?:pcap|cap|pcapng|dmp))([0-9]{1,6})(\..*)?/) {
      return ("\(folder)\(match.1)#\(match.3 ?? "")", Int(match.2) ?? 0)
    }
    if let match = name.wholeMatch(of: /(.*[^0-9])([0-9]{1,6})((?:\.[a-z][a-z0-9]*)+)/) {
      return ("\(folder)\(match.1)#\(match.3)", Int(match.2) ?? 0)
    }
    return nil
  }

  private static func gaps(inSeries files: [(number: Int, path: String)]) -> [CaptureProblem] {
    let sorted = files.sorted { $0.number < $1.number }
    guard let first = sorted.first, let last = sorted.last, sorted.count >= 3,
      // Most of the numbers are there: otherwise they are names and no rotation.
      last.number - first.number + 1 <= sorted.count * 2
    else { return [] }
    return zip(sorted, sorted.dropFirst()).compactMap { before, after in
      let missing = after.number - before.number - 1
      guard missing > 0, missing <= longestGap else { return nil }
      return CaptureProblem(
        .missing, file: after.path,
        "\(missing) \(missing == 1 ? "file is" : "files are") missing between this one and"
          + " \(before.path)")
    }
  }

  /// `cap-20261121-093000.pcap` and the like (tcpdump -G): the series, and seconds on a calendar that is
  /// even enough to measure intervals by.
  static func dateStamp(_ path: String) -> (series: String, time: Int)? {
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let (folder, name) = (path[..<slash], path[slash...])
    guard
      let match = name.firstMatch(
        of:
          /(20[0-9]{2})[-_]?([01][0-9])[-_]?([0-3][0-9])[-_T.]?([0-2][0-9])[-_:.]?([0-5][0-9])[-_:.]?([0-5][0-9])/
      ),
      serialNumber(path).map({ !$0.series.contains("_#") }) ?? true
    else { return nil }
    var parts = DateComponents()
    parts.year = Int(match.1)
    parts.month = Int(match.2)
    parts.day = Int(match.3)
    parts.hour = Int(match.4)
    parts.minute = Int(match.5)
    parts.second = Int(match.6)
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(secondsFromGMT: 0)!
    guard let date = calendar.date(from: parts) else { return nil }
    let series = "\(folder)\(name[..<match.range.lowerBound])#\(name[match.range.upperBound...])"
    return (series, Int(date.timeIntervalSince1970))
  }

  private static func gaps(inTimes files: [(time: Int, path: String)]) -> [CaptureProblem] {
    let sorted = files.sorted { $0.time < $1.time }
    let steps = zip(sorted, sorted.dropFirst()).map { $1.time - $0.time }
    // A rotation by the clock has one interval, which most files keep.
    guard
      let usual = Dictionary(grouping: steps, by: { $0 }).max(by: {
        ($0.value.count, $1.key) < ($1.value.count, $0.key)
      })?.key, usual > 0, steps.count(where: { $0 == usual }) * 2 >= steps.count, sorted.count >= 4
    else { return [] }
    return zip(sorted, sorted.dropFirst()).compactMap { before, after in
      let step = after.time - before.time
      let missing = step / usual - 1
      guard step % usual == 0, missing > 0, missing <= longestGap else { return nil }
      return CaptureProblem(
        .missing, file: after.path,
        "\(missing) \(missing == 1 ? "file is" : "files are") missing between this one and"
          + " \(before.path): one is begun every \(usual) s")
    }
  }
}
