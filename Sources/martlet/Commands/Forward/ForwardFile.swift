import ArgumentParser
import Dissection
import Forwarding

/// `martlet forward file`
struct ForwardFile: ParsableCommand, ForwardSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "file",
    abstract: "Write records to files: NDJSON or CSV, rotated and compressed.",
    discussion: """
      The path may hold strftime's places (UTC, of the file's beginning), {sensor} and {type}. A file \
      is called NAME.part until it is finished, which it is where the time in its name changes: \
      %Y%m%d at midnight. What a crash leaves is finished at the next start, with a torn end cut off.

      EXAMPLES
        martlet forward file '/srv/{type}-%Y%m%d.ndjson' --compress zstd
        martlet forward file '/srv/%Y/%m/%d/{sensor}.ndjson' --rotate-bytes 100000000
        martlet forward file '{type}-%Y%m%dT%H%M%S.ndjson' --rotate-seconds 900
        martlet forward file flows.csv --format csv --columns timestamp,src_ip
      """)

  enum Format: String, CaseIterable, ExpressibleByArgument {
    case ndjson, csv
  }

  @Argument(help: ArgumentHelp("Path of the files.", valueName: "path"))
  var path: String

  @Option(help: "A JSON object a line, or comma-separated values.")
  var format: Format = .ndjson

  @Option(
    help: ArgumentHelp(
      "CSV: fields with commas between; without it all columns of flow records.",
      valueName: "fields"))
  var columns: String?

  @Option(help: "none, gzip or zstd.")
  var compress: String = FileTargetSettings.Compression.none.rawValue

  @Option(help: ArgumentHelp("Finish a file that has as many bytes on disk.", valueName: "bytes"))
  var rotateBytes: Int?

  @Option(
    help: ArgumentHelp(
      """
      Finish files at multiples of this time of the wall clock. Default: where the time in the \
      path changes, unless that is to the second.
      """, valueName: "seconds"))
  var rotateSeconds: Int?

  @Flag(help: "Acknowledge records only once they are on the disk (fsync).")
  var fsync = false

  @OptionGroup(title: "Reading and choosing") var options: ForwardOptions

  func makeTarget() throws -> any ForwardTarget {
    guard let compression = FileTargetSettings.Compression(rawValue: compress) else {
      throw ValidationError("--compress is none, gzip or zstd, and not \"\(compress)\".")
    }
    if columns != nil, format != .csv {
      throw ValidationError("--columns goes with --format csv; --fields chooses fields of JSON.")
    }
    let names = columns.map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    do throws(TargetFault) {
      return try FileTarget(
        FileTargetSettings(
          pattern: path,
          format: format == .csv ? .csv(columns: names.map { $0.map(String.init) }) : .ndjson,
          compression: compression, rotateBytes: rotateBytes, rotateSeconds: rotateSeconds,
          syncs: fsync), events: Dissection.schema)
    } catch {
      throw ValidationError(error.description)
    }
  }
}
