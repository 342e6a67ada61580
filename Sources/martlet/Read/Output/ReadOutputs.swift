import FlowEngine
import Foundation
import Records

/// From the options to the outputs that records go to.
struct ReadOutputs {
  private let options: Read
  private let context: RecordContext
  let format: Read.Format
  /// Where `--summary` adds up.
  let summary: SummaryOutput?

  init(_ options: Read, context: RecordContext) {
    self.options = options
    self.context = context
    format = Self.format(for: options)
    summary = options.summary ? SummaryOutput() : nil
  }

  /// What records are written as where nobody said: by the output's name, and on a terminal what a
  /// person reads.
  private static func format(for options: Read) -> Read.Format {
    if let format = options.format { return format }
    guard options.output == "-" else {
      switch (options.output as NSString).pathExtension {
      case "csv": return .csv
      case "log": return .zeek
      case "txt": return .table
      default: return .eve
      }
    }
    if options.summary || options.wantsPackets || options.wantsPayloads || options.publish != nil {
      return .none
    }
    return Output.isTerminal ? .table : .eve
  }

  /// Records go to the terminal as they come.
  var isOnTerminal: Bool { format != .none && options.output == "-" && Output.isTerminal }

  /// `more`: further consumers of the same records.
  func make(_ more: [any RecordOutput] = []) throws -> ReadConsumer {
    var outputs: [any RecordOutput] = more
    for output in [try output(), try secondOutput(), eventOutput()].compactMap({ $0 }) {
      outputs.append(options.sorted ? SortedOutput(output) : output)
    }
    if let summary { outputs.append(summary) }
    return ReadConsumer(
      outputs, isEager: options.output == "-" || options.follow,
      mayEndEarly: !options.wantsPackets && !options.wantsPayloads && options.publish == nil
        && summary == nil)
  }

  private func output() throws -> (any RecordOutput)? {
    switch format {
    case .none: return nil
    case .table:
      return TableOutput(
        file: try file("flow.txt"), width: isOnTerminal ? Output.size().width : nil,
        style: isOnTerminal ? Style.ofStandardOutput() : Style(isOn: false),
        communityIDSeed: options.communityIDSeed)
    case .eve:
      guard isFolder else { return EVEOutput(context: context, file: try file("")) }
      let always: [EventType] =
        options.activeTimeout > 0 ? [.flow, .anomaly, .flowUpdate] : [.flow, .anomaly]
      return try EVEOutput(context: context, always: always) { type throws(OutputError) in
        try file("\(type.rawValue).json")
      }
    case .fields: return FieldsOutput(context: context, file: try file("flow.txt"))
    case .csv: return CSVOutput(context: context, file: try file("flow.csv"))
    case .zeek: return ZeekOutput(context: context, file: try file("conn.log"))
    }
  }

  /// In a folder Zeek's logs are one a record type.
  private func secondOutput() throws -> (any RecordOutput)? {
    guard format == .zeek, isFolder else { return nil }
    return ZeekWeirdOutput(context: context, file: try file("weird.log"))
  }

  /// Zeek's logs of protocols beside conn.log.
  private func eventOutput() -> (any RecordOutput)? {
    guard format == .zeek, isFolder, options.dissection != nil else { return nil }
    return ZeekEventsOutput(context: context) { name throws(OutputError) in try file(name) }
  }

  private var isFolder: Bool {
    var isDirectory: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: options.output, isDirectory: &isDirectory)
    return options.output.hasSuffix("/") || (exists && isDirectory.boolValue)
  }

  /// The output's file; in a folder the one called `name`.
  private func file(_ name: String) throws(OutputError) -> OutputFile {
    guard isFolder else { return try OutputFile(path: options.output) }
    if !FileManager.default.fileExists(atPath: options.output), mkdir(options.output, 0o755) != 0 {
      throw OutputError(options.output, errno)
    }
    let separator = options.output.hasSuffix("/") ? "" : "/"
    return try OutputFile(path: options.output + separator + name)
  }
}
