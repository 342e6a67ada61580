import FlowEngine
import Foundation
import Records

/// From the options to the outputs that records go to.
struct ReadOutputs {
  private let options: Read
  private let context: RecordContext

  init(_ options: Read, context: RecordContext) {
    self.options = options
    self.context = context
  }

  /// What records are written as where nobody said: by the output's name, and on a terminal what a
  /// person reads.
  static func format(for options: Read) -> Read.Format {
    if let format = options.format { return format }
    guard options.output != "-" else { return Output.isTerminal ? .table : .eve }
    return .eve
  }

  func make() throws -> ReadConsumer {
    var output: (any RecordOutput)?
    switch Self.format(for: options) {
    case .none: break
    case .eve, .table:
      if isFolder {
        let updates = options.activeTimeout > 0 ? try file("flow_update.json") : nil
        output = EVEOutput(context: context, flows: try file("flow.json"), updates: updates)
      } else {
        output = EVEOutput(context: context, flows: try file(""))
      }
    case .fields:
      output = FieldsOutput(context: context, file: try file("flow.txt"))
    }
    if options.sorted, let unsorted = output { output = SortedOutput(unsorted) }
    return ReadConsumer(output.map { [$0] } ?? [], isEager: options.output == "-")
  }

  private var isFolder: Bool {
    var isDirectory: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: options.output, isDirectory: &isDirectory)
    return options.output.hasSuffix("/") || (exists && isDirectory.boolValue)
  }

  /// The output's file; in a folder the one called `name`.
  private func file(_ name: String) throws -> OutputFile {
    guard isFolder else { return try OutputFile(path: options.output) }
    if !FileManager.default.fileExists(atPath: options.output),
      mkdir(options.output, 0o755) != 0
    {
      throw OutputError(options.output, errno)
    }
    let separator = options.output.hasSuffix("/") ? "" : "/"
    return try OutputFile(path: options.output + separator + name)
  }
}
