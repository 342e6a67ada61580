import FlowEngine
import Foundation
import Records

/// From the options to the outputs that records go to.
struct ReadOutputs {
  private let options: Read
  private let context: RecordContext
  let format: Read.Format
  /// Nil where all goes to one file.
  private let folder: OutputFolder?
  /// Where `--summary` adds up.
  let summary: SummaryOutput?

  init(_ options: Read, context: RecordContext) {
    self.options = options
    self.context = context
    format = options.recordFormat
    folder =
      options.writesFolder
      ? OutputFolder(options.output, names: OutputFolder.names(format, context)) : nil
    summary = options.summary ? SummaryOutput() : nil
  }

  /// What may be written over.
  var paths: [String] {
    if let folder { return folder.names.map { folder.path + $0 } }
    return options.output == "-" ? [] : [options.output]
  }

  /// Throws where there is something that may not be written over; makes nothing.
  func check() throws(OutputError) {
    if !options.overwrite { try folder?.checkThatNoneIsThere() }
  }

  /// Records go to the terminal as they come.
  var isOnTerminal: Bool { format != .none && options.output == "-" && Output.isTerminal }

  /// `more`: further consumers of the same records.
  func make(_ more: [any RecordOutput] = []) throws -> ReadConsumer {
    var outputs: [any RecordOutput] = more
    let written = [try output(), try secondOutput(), eventOutput()].compactMap { $0 }
    for output in written {
      outputs.append(
        options.sorted ? SortedOutput(output, runBytes: Self.sortBytes / written.count) : output)
    }
    if let summary { outputs.append(summary) }
    return ReadConsumer(
      outputs, folder: folder, isEager: options.output == "-" || options.follow,
      mayEndEarly: !options.wantsPackets && !options.wantsPayloads && options.publish == nil
        && summary == nil)
  }

  /// Of all outputs together.
  private static let sortBytes = 112 << 20

  private func output() throws -> (any RecordOutput)? {
    switch format {
    case .none: return nil
    case .table:
      return TableOutput(
        file: try file("flow.txt"), width: isOnTerminal ? Output.size().width : nil,
        style: isOnTerminal ? Style.ofStandardOutput() : Style(isOn: false),
        communityIDSeed: options.communityIDSeed)
    case .eve:
      guard let folder else { return EVEOutput(context: context, file: try file("")) }
      let always: [EventType] =
        options.activeTimeout > 0 ? [.flow, .anomaly, .flowUpdate] : [.flow, .anomaly]
      return try EVEOutput(context: context, always: always, folder: folder)
    case .fields: return FieldsOutput(context: context, file: try file("flow.txt"))
    case .csv: return CSVOutput(context: context, file: try file("flow.csv"))
    case .zeek: return ZeekOutput(context: context, file: try file("conn.log"))
    }
  }

  /// In a folder Zeek's logs are one a record type.
  private func secondOutput() throws -> (any RecordOutput)? {
    guard format == .zeek, folder != nil else { return nil }
    return ZeekWeirdOutput(context: context, file: try file("weird.log"))
  }

  /// Zeek's logs of protocols beside conn.log.
  private func eventOutput() -> (any RecordOutput)? {
    guard format == .zeek, let folder, options.dissection != nil else { return nil }
    return ZeekEventsOutput(context: context, folder: folder)
  }

  /// The output's file; in a folder the one called `name`.
  private func file(_ name: String) throws(OutputError) -> OutputFile {
    if let folder { return try folder.file(name) }
    return try OutputFile(path: options.output)
  }
}
