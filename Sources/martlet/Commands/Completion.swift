import ArgumentParser
import ControlAPI
import Foundation

/// What shells complete with names that only the running engine knows. Where it cannot be asked
/// within a second there are none.
enum Completion {
  static let filters = from(.filterList, as: FilterList.self) { $0.rules.map(\.rule.name) }
  static let ports = from(.portsList, as: PortList.self) { $0.ports.map(\.status.name) }
  static let tunables = from(.tuningGet, TuningGetParameters(), as: TuningList.self) {
    $0.tunables.map(\.key)
  }

  private static func from<
    Parameters: ControlParameters & Sendable, Answer: Decodable & SendableMetatype
  >(
    _ method: ControlMethod, _ parameters: Parameters = NoParameters(), as type: Answer.Type,
    _ names: @escaping @Sendable (Answer) -> [String]
  ) -> CompletionKind {
    .custom { words, _, prefix in
      let path = socketPath(in: words)
      guard let client = try? ControlClient(socketPath: path, timeoutSeconds: 1),
        let answer = try? client.call(method, parameters, as: type)
      else { return [] }
      return names(answer).filter { $0.hasPrefix(prefix) }
    }
  }

  /// As ``ControlOptions`` has it, from words that are not yet a whole command.
  static func socketPath(in words: [String]) -> String {
    var options = ControlOptions()
    options.json = false
    options.socket = nil
    if let place = words.lastIndex(of: "--socket"), place + 1 < words.count {
      options.socket = words[place + 1]
    } else if let word = words.last(where: { $0.hasPrefix("--socket=") }) {
      options.socket = String(word.dropFirst("--socket=".count))
    }
    return options.socketPath
  }
}
