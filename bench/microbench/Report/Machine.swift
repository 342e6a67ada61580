import Foundation

/// What the figures were measured on.
enum Machine {
  static var date: String {
    let formatter = DateFormatter()
    formatter.dateFormat = "yyyy-MM-dd"
    return formatter.string(from: Date())
  }

  /// Processor, cores, memory, kernel, system, in one line.
  static var description: String {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let memory = (ProcessInfo.processInfo.physicalMemory + (1 << 29)) >> 30
    return
      "\(field("model name", in: "/proc/cpuinfo") ?? "unknown processor"), TSC "
      + "\((TimeStampCounter.perSecond / 1e6).text(0)) MHz, \(cores) cores, \(memory) GiB, "
      + "Linux \(kernel), \(name), Swift \(compiler)"
  }

  /// The compiler that built this, as far as the language tells.
  static var compiler: String {
    #if compiler(>=6.4)
      "6.4 or later"
    #elseif compiler(>=6.3)
      "6.3"
    #else
      "6.2"
    #endif
  }

  private static var kernel: String {
    (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8))?
      .trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
  }

  private static var name: String {
    field("PRETTY_NAME", in: "/etc/os-release")?.trimmingCharacters(in: ["\""]) ?? "unknown system"
  }

  private static func field(_ name: String, in path: String) -> String? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      guard let mark = line.firstIndex(where: { $0 == ":" || $0 == "=" }) else { continue }
      return line[line.index(after: mark)...].trimmingCharacters(in: .whitespaces)
    }
    return nil
  }

  /// Bytes of this process that are in memory.
  static var residentBytes: Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let fields = text.split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(getpagesize()) : 0
  }
}
