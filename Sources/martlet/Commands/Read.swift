import ArgumentParser
import Dissection
import Filters
import FlowEngine
import Foundation
import Records

/// `martlet read`
struct Read: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "read",
    abstract: "Find every conversation in capture files.",
    discussion: """
      Reads pcap and pcapng, plain or compressed (gzip, zstd, lz4, xz): files, folders of them and \
      pipes, all as one stream in the order of the packets' time. Needs neither root nor martletd.

      EXAMPLES
        martlet read capture.pcap                     a table
        martlet read captures/ --summary              what there is, at a glance
        martlet read day.pcap.zst -o flows.json       Suricata's EVE JSON
        martlet read day.pcap.zst -o flows.csv        for DuckDB and pandas
        martlet read *.pcap --format zeek -o logs/    conn.log, dns.log …
        martlet read day.pcap.zst -o records/         EVE, a file a type
        martlet read a.pcap --filter 'tcp port 443' --where 'bytes > 1M'
        martlet read a.pcap --where 'tcp.rst' --write-pcap reset.pcap
        martlet read a.pcap --extract-streams said/   what each side said
        martlet read a.pcap --extract-files files/    bodies and attachments
        tcpdump -w - | martlet read -                 from a pipe

      EXIT STATUS
        0    everything was read
        64   wrong usage
        65   an input is missing, damaged, cut or no capture; all else was read
        66   nothing could be read
        69   Redis cannot be reached
        74   an output could not be written
        130  stopped by Ctrl-C; what was found until then is written
      """)

  enum Format: String, CaseIterable, ExpressibleByArgument {
    case table, eve, fields, csv, zeek, none
  }

  enum Decapsulation: String, CaseIterable, ExpressibleByArgument {
    case none, outermost, all

    var depth: UInt8 {
      switch self {
      case .none: 0
      case .outermost: 1
      case .all: PacketParser.maximumTunnels
      }
    }
  }

  enum SplitCriterion: String, CaseIterable, ExpressibleByArgument {
    case flow, host
    case appProto = "app_proto"
  }

  @Argument(
    help: ArgumentHelp(
      "Capture files, folders of them, or - for standard input.", valueName: "path"))
  var inputs: [String] = []

  // MARK: What is read

  @Flag(help: "Read the files one after the other as they are given, whatever their times.")
  var inOrder = false

  @Flag(help: "Go on reading a file that is still being written; ends with Ctrl-C.")
  var follow = false

  @Option(
    help: ArgumentHelp(
      "Take only packets that match a libpcap expression, as tcpdump does (pcap-filter(7)).",
      valueName: "expression"))
  var filter: String?

  // MARK: What is written

  @Option(
    help: ArgumentHelp(
      "Take only flows that meet a condition, such as 'dest_port in (80, 443) and bytes > 10M'.",
      valueName: "expression"))
  var `where`: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      """
      How records are written. Default: by the output's name (.csv; .log for zeek; .txt for \
      table; else eve), and without --output table on a terminal, eve in a pipe.
      """, valueName: "format"))
  var format: Format?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      """
      Where records are written: a file, or a folder (its name ends in /) for one file a type; - is \
      standard output.
      """,
      valueName: "path"))
  var output = "-"

  @Flag(
    help: """
      Replace the records of an earlier run in the folder of --output: all files that are called as one \
      this format can write.
      """)
  var overwrite = false

  @Flag(help: "Write records in the order in which their flows began.")
  var sorted = false

  @Flag(
    help: """
      Print what there is at a glance: totals, protocols, hosts, time line, oddities. Records are \
      written as well where --output or --format says so.
      """)
  var summary = false

  @Flag(help: "Print the summary as JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "No progress and no closing line; warnings and errors remain.")
  var quiet = false

  // MARK: Packets

  @Option(
    help: ArgumentHelp(
      """
      Write the packets that match --filter, and with --where only those of the flows it takes; \
      as pcap, or as pcapng where the name ends in .pcapng.
      """, valueName: "file"))
  var writePcap: String?

  @Option(
    help: ArgumentHelp(
      "Write packets to a file for each flow, host or service (told from the port).",
      valueName: "what"))
  var splitBy: SplitCriterion?

  @Option(help: ArgumentHelp("The folder for the files of --split-by.", valueName: "folder"))
  var splitInto: String?

  @Option(help: ArgumentHelp("Refuse to write more files than this.", valueName: "n"))
  var splitLimit = 100_000

  @Option(
    help: ArgumentHelp(
      "Write where the packets of each flow stand in the inputs, as JSON lines.", valueName: "file")
  )
  var index: String?

  // MARK: Payloads

  @Option(
    help: ArgumentHelp(
      """
      Write what each side of every TCP and UDP conversation sent, put together, to a file a \
      direction in a new or empty folder, with an index.json.
      """,
      valueName: "folder"))
  var extractStreams: String?

  @Option(
    help: ArgumentHelp(
      """
      Write bodies and attachments, decoded and named by their SHA-256, to a new or empty folder, with \
      an index.json.
      """,
      valueName: "folder"))
  var extractFiles: String?

  // MARK: How flows are made

  @Flag(help: "No flow ends by time: what has the same ends is one flow.")
  var noTimeouts = false

  @Option(
    help: ArgumentHelp(
      "Report a flow that lives on each time this has passed; 0: only at its end.",
      valueName: "seconds"))
  var activeTimeout = 0.0

  @Option(
    help: ArgumentHelp(
      "Tunnels that are looked into: none, outermost or all. A record tells of the innermost flow.",
      valueName: "which"))
  var decapsulate = Decapsulation.all

  @Option(
    help: ArgumentHelp(
      """
      What to do about checksums: ignore them, count and report wrong ones, or discard their packets. A \
      capture from the sending host itself has many that its NIC had still to compute.
      """, valueName: "policy"))
  var checksums = ChecksumPolicy.ignore

  @Flag(help: "The same addresses and ports are one flow, whatever their VLAN.")
  var ignoreVLAN = false

  @Option(
    name: .customLong("community-id-seed"),
    help: ArgumentHelp("Seed of the Community ID.", valueName: "0 to 65535"))
  var communityIDSeed: UInt16 = 0

  // MARK: What was said

  @Option(
    help: ArgumentHelp(
      """
      Protocols that are looked into, by their names in app_proto with commas between (dns,tls,http), all, \
      or none: then flows are counted and nothing more.
      """, valueName: "list"), transform: ProtocolList.init(list:))
  var protocols = ProtocolList.all

  @Option(
    help: ArgumentHelp(
      "Which of two segments that differ in the same bytes is believed.", valueName: "policy"))
  var overlap = OverlapPolicy.first

  @Flag(help: "Record what stands in headers only: no subjects, no names of files.")
  var headersOnly = false

  @Flag(help: "Hash bodies and attachments (SHA-256), with a fileinfo record for each.")
  var hashFiles = false

  // MARK: To Redis

  @Option(
    help: ArgumentHelp(
      "Send the records to Redis streams as well; needs --sensor.", valueName: "redis://host/…"))
  var publish: String?

  @Option(
    help: ArgumentHelp(
      "The sensor's name in the records, and in the streams' names.", valueName: "name"))
  var sensor: String?

  // MARK: With what

  @Option(
    help: ArgumentHelp(
      "Threads that track flows; results do not depend on it while no table is full. Default: the cores but one.",
      valueName: "n"))
  var workers: Int?

  @Option(
    help: ArgumentHelp(
      "Flows that can live at a time in each worker; beyond that those that would end next end early.",
      valueName: "n"))
  var flows = 2_097_152

  @Flag(help: "Only count packets and bytes; no flows are made.")
  var count = false

  /// Packets are written, split or indexed: that is what the run is for.
  var wantsPackets: Bool { writePcap != nil || splitBy != nil || index != nil }

  /// Payloads are written to files.
  var wantsPayloads: Bool { extractStreams != nil || extractFiles != nil }

  /// What records are written as: where nobody said by the output's name, and on a terminal what a person
  /// reads.
  var recordFormat: Format {
    if let format { return format }
    guard output == "-" else {
      switch (output as NSString).pathExtension {
      case "csv": return .csv
      case "log": return .zeek
      case "txt": return .table
      default: return .eve
      }
    }
    if summary || wantsPackets || wantsPayloads || publish != nil { return .none }
    return Output.isTerminal ? .table : .eve
  }

  /// A file for each type of record, in a folder.
  var writesFolder: Bool {
    if recordFormat == .none || output == "-" { return false }
    var isDirectory: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: output, isDirectory: &isDirectory)
    return output.hasSuffix("/") || (exists && isDirectory.boolValue)
  }

  func validate() throws {
    if inputs.isEmpty { throw ValidationError("Name capture files, folders, or - for a pipe.") }
    if let workers, !(1...64).contains(workers) {
      throw ValidationError("--workers takes 1 to 64")
    }
    if !(1024...1_000_000_000).contains(flows) {
      throw ValidationError("--flows takes 1024 to 1000000000")
    }
    if !(0...86_400).contains(activeTimeout) {
      throw ValidationError("--active-timeout takes 0 to 86400 seconds")
    }
    if publish != nil && sensor == nil {
      throw ValidationError(
        "--publish needs --sensor: a name of its own, which no running sensor has")
    }
    if follow && (inputs.count > 1 || inputs == ["-"]) {
      throw ValidationError("--follow takes one file; a pipe is followed anyway")
    }
    if count
      && (filter != nil || self.where != nil || format != nil || summary || wantsPackets
        || wantsPayloads || publish != nil || output != "-")
    {
      throw ValidationError("--count counts everything and writes nothing else")
    }
    let records = recordFormat == .none ? nil : output
    let paths = [records, writePcap, index, extractStreams, extractFiles].compactMap { $0 }
      .filter { $0 != "-" }.map { $0.count > 1 && $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
    if Set(paths).count < paths.count {
      throw ValidationError("Each output needs a file of its own.")
    }
    if (splitBy == nil) != (splitInto == nil) {
      throw ValidationError("--split-by and --split-into go together")
    }
    if follow && wantsPackets {
      throw ValidationError(
        "--follow cannot write packets: they are read a second time, when all flows are known")
    }
    if [records, writePcap, index].count(where: { $0 == "-" }) > 1 {
      throw ValidationError("Only one of the outputs can be standard output.")
    }
    if extractFiles != nil && (headersOnly || protocols.bits == 0) {
      throw ValidationError(
        "--extract-files needs what --headers-only and --protocols none leave out")
    }
    if overwrite && !writesFolder {
      throw ValidationError("--overwrite is for --output FOLDER; a file is replaced without it")
    }
    if json && !summary { throw ValidationError("--json is for --summary; see --format eve") }
    do throws(FilterError) {
      if let filter { _ = try FilterCompiler.compile(filter, linkType: 1) }
    } catch {
      throw ValidationError("\(error)")
    }
    do throws(RecordExpressionError) {
      if let condition = self.where {
        _ = try RecordExpression(parsing: condition, context: context)
      }
    } catch {
      throw ValidationError("--where: \(error)")
    }
  }

  /// How payloads are looked into.
  var dissection: DissectionSettings? {
    guard protocols.bits != 0 || extractStreams != nil else { return nil }
    var settings = DissectionSettings()
    settings.protocols = protocols.bits
    settings.overlapPolicy = overlap
    settings.isHeaderOnly = headersOnly
    settings.hashesFiles = hashFiles || extractFiles != nil
    settings.keepsStreams = extractStreams != nil
    settings.keepsFiles = extractFiles != nil
    if extractFiles != nil { settings.inflaterCount = 64 }
    // Untouched memory costs nothing here.
    settings.flowCapacity = min(flows, 262_144)
    settings.bufferBytes = 256 << 20
    settings.ringBytes = 8 << 20
    // Zeek's logs of protocols are made of them.
    settings.wantsHiddenRecords = recordFormat == .zeek && writesFolder
    return settings
  }

  /// What records say beside their flow.
  var context: RecordContext {
    var context = RecordContext(
      sensorName: sensor ?? "martlet", startEpochNanoseconds: 0, portNames: [],
      includesSequence: publish != nil, communityIDSeed: communityIDSeed)
    context.events = Dissection.schema
    return context
  }

  func run() throws {
    let status = try ReadRun(self).run()
    if status != .success { throw ExitCode(status.rawValue) }
  }
}

extension ChecksumPolicy: ExpressibleByArgument {}
extension OverlapPolicy: ExpressibleByArgument {}

/// Protocols by their names, as `--protocols` takes them.
struct ProtocolList: CustomStringConvertible {
  /// A bit for each ``AppProtocol``.
  let bits: UInt64

  static let all = ProtocolList(bits: DissectionSettings().protocols)

  init(bits: UInt64) { self.bits = bits }

  init(list: String) throws {
    switch list {
    case "all": self = .all
    case "none": self = ProtocolList(bits: 0)
    default:
      let names = list.split(separator: ",").map(String.init)
      guard !names.isEmpty else {
        throw ValidationError("no protocol is named; none is called none")
      }
      bits = try names.reduce(0) { bits, name in
        guard let proto = AppProtocol.named(name) else { throw Self.unknown(name) }
        return bits | 1 << UInt64(proto.rawValue)
      }
    }
  }

  private static func unknown(_ name: String) -> ValidationError {
    let known = AppProtocol.allCases.filter { $0 != .unknown && $0 != .failed }.map { "\($0.name)" }
    if let near = Spelling.nearest(to: name, among: known + ["all", "none"]) {
      return ValidationError("there is no protocol \"\(name)\"; did you mean \"\(near)\"?")
    }
    return ValidationError(
      "there is no protocol \"\(name)\"; there are \(known.joined(separator: ", "))")
  }

  var description: String { bits == Self.all.bits ? "all" : "a list" }
}
