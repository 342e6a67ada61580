import Foundation

/// What the command line asks for.
struct Options {
  enum Part: String, CaseIterable {
    case ceiling, stages, expiry, scan, reference, scaling, memory, filter, encode, dissection
    case instructions
  }

  /// Instructions are of use under callgrind alone.
  var parts = Part.allCases.filter { $0 != .instructions }
  var flows = [1_000, 100_000, 1_000_000, 10_000_000]
  var rounds = 7
  var packets = 2_000_000
  var ringPackets = MemoryPort.ringPackets
  var isQuick = false
  var isSlowed = false
  var markdown: String?
  /// Of the ceiling and the reference only the workloads whose name has this word.
  var workload = ""

  func wants(_ workload: String) -> Bool {
    self.workload.isEmpty || workload.contains(self.workload)
  }

  static let usage = """
    usage: martlet-bench [--part PART]… [--quick] [--workload WORD] [--flows N,N…] [--rounds N]
                         [--ring N] [--markdown FILE]

      --part       \(Part.allCases.map(\.rawValue).joined(separator: ", ")); all but the last where none is named
      --quick      small tables and few packets: to see that it runs
      --workload   of ceiling and reference only what has WORD in its name
      --flows      live flows that the ceiling is measured with
      --rounds     rounds of which the median is taken
      --ring       packets that the port in memory is filled with at a time
      --slowed     for the instruction gate's proof
      --markdown   writes the tables to FILE, too

    """

  init(_ arguments: some Sequence<String>) {
    var arguments = arguments.makeIterator()
    var chosen: [Part] = []
    func value(_ option: String) -> String {
      guard let value = arguments.next() else { Self.fail("\(option) needs a value") }
      return value
    }
    while let argument = arguments.next() {
      switch argument {
      case "--part":
        let name = value(argument)
        guard let part = Part(rawValue: name) else { Self.fail("there is no part \(name)") }
        chosen.append(part)
      case "--quick":
        isQuick = true
        flows = [1_000, 100_000]
        rounds = 3
        packets = 200_000
      case "--flows":
        flows = value(argument).split(separator: ",").map {
          guard let count = Int($0), count > 0 else { Self.fail("\($0) is no number of flows") }
          return count
        }
      case "--rounds":
        guard let count = Int(value(argument)), count > 0 else { Self.fail("--rounds: a number") }
        rounds = count
      case "--slowed": isSlowed = true
      case "--workload": workload = value(argument)
      case "--ring":
        guard let count = Int(value(argument)), count > 0, count % StageBed.burst == 0 else {
          Self.fail("--ring: a multiple of \(StageBed.burst)")
        }
        ringPackets = count
      case "--markdown": markdown = value(argument)
      case "--help", "-h":
        print(Self.usage, terminator: "")
        exit(0)
      default: Self.fail("\(argument) is no option")
      }
    }
    if !chosen.isEmpty { parts = chosen }
  }

  private static func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("martlet-bench: \(message)\n\(usage)".utf8))
    exit(64)
  }
}
