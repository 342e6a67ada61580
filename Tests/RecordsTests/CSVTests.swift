import FlowEngine
import Foundation
import Testing

@testable import Records

@Suite struct CSVTests {
  @Test func columnsAreThoseOfTheFlatForm() {
    let header = String(decoding: CSVFlowEncoder(context: context).header(), as: UTF8.self)
    let names = FlowField.allCases.compactMap(\.definition.name)
    #expect(header == names.joined(separator: ",") + "\n")
    #expect(names.count == CSVFlowEncoder.names.count)
  }

  @Test func line() throws {
    let web = try #require(sampleFlows().first { $0.name == "web" }).record
    #expect(
      String(decoding: csv([web]), as: UTF8.self) == """
        2026-11-21T05:37:02.000000Z,1197256510271389,tap0,flow,"100,4095",192.168.1.52,54585,\
        8.8.8.8,443,TCP,4,,,,,,,,,,6,4,700,5000,2026-11-21T05:36:00.123456Z,\
        2026-11-21T05:36:02.000000Z,2,closed,timeout,616,4944,123456789,7,end_of_flow,250000,99,99,\
        57,64,46,0,false,,,,,,,,,,,,,,,,,00:01:02:03:04:05,ff:ff:fe:ff:34:12,\
        1:Y0JXkDt3m72EBPG8/NmZ488dkDg=,0xdb,0xdb,0x1b,closed,501,509,,,,,,,,,,,,,SF,ShADadFf,edge1,\
        1795239000123456,1,41

        """)
  }

  /// Read back by a reader that knows RFC 4180 alone, each value is the flat form's, but for the
  /// three kinds that the reference names.
  @Test func valuesAreThoseOfTheFlatForm() throws {
    var offline = context
    offline.includesSequence = false
    offline.portNames = []
    for context in [context, offline] {
      for (sample, record) in sampleFlows() {
        let rows = try read(csv([record], context))
        try #require(rows.count == 1)
        let flat = try pairs(encode(record, .fields, context: context).bytes)
        try #require(rows[0].count == flat.count)
        for (value, (name, text)) in zip(rows[0], flat) {
          switch name {
          case "ts", "start", "end": #expect(value == text.dropLast(5) + "Z", "\(sample): \(name)")
          case "frag": #expect(value == (text.isEmpty ? "false" : "true"))
          case _ where name.hasPrefix("tcp_flags"):
            #expect(value == (text.isEmpty ? "" : "0x" + text), "\(sample): \(name)")
          default: #expect(value == text, "\(sample): \(name)")
          }
        }
      }
    }
  }

  @Test func quotedWhereNeeded() throws {
    for (text, quoted) in [
      ("edge1", "edge1"), ("a b;c'", "a b;c'"), ("a,b", "\"a,b\""),
      ("say \"x\"", "\"say \"\"x\"\"\""),
      ("a\nb", "\"a\nb\""), ("\r", "\"\r\""), ("", "\"\""), ("Zürich", "Zürich"),
    ] {
      #expect(String(decoding: CSVFlowEncoder.quoted(text), as: UTF8.self) == quoted)
    }
    var odd = context
    odd.sensorName = "a \"b\", c\nd" + String(repeating: "\"", count: 10_000)
    odd.portNames = [String(repeating: "p,", count: 10_000), ""]
    var record = flow(IPProtocol.udp, "10.0.0.1", 1, "10.0.0.2", 2)
    let sensor = try #require(CSVFlowEncoder.names.firstIndex(of: "sensor"))
    let port = try #require(CSVFlowEncoder.names.firstIndex(of: "iface"))
    for (index, name) in (odd.portNames + [""]).enumerated() {
      record.cold.portIndex = UInt16(index)
      let rows = try read(csv([record, record], odd))
      #expect(rows.count == 2)
      #expect(rows[1][sensor] == odd.sensorName)
      #expect(rows[1][port] == name)
    }
  }

  /// pandas and DuckDB, without any option, find the types and the sums.
  @Test(arguments: ["pandas", "duckdb"])
  func analystsReadIt(_ library: String) throws {
    guard let python = python(importing: library) else { return }
    var records: [FlowRecord] = []
    for index in 0..<3000 {
      var record = sampleFlows()[index % 10].record
      record.withSides { originator, _ in originator.bytes = UInt64(index) * 1_000_003 }
      record.cold.firstSeen += Int64(index) * 1_000_000_007
      record.hot.lastSeen = record.cold.firstSeen + 5
      records.append(record)
    }
    let file = URL.temporaryDirectory.appending(path: "martlet-\(UUID().uuidString).csv")
    var bytes = CSVFlowEncoder(context: context).header()
    bytes += csv(records)
    try Data(bytes).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }

    let script = library == "pandas" ? Self.pandas : Self.duckdb
    let answer = try runPython(python, [script, file.path])
    let sum = records.reduce(0) { $0 + $1.originator.bytes }
    let first = records.map { TimestampText.split($0.cold.firstSeen) }.max { $0 < $1 }!
    #expect(
      answer.split(separator: "\n").map(String.init) == [
        "3000", "\(sum)", "\(first.second).\(first.nanosecond / 1000)", "numbers", "boolean",
        "times", "300",
      ])
  }

  private static let pandas = """
    import sys, pandas
    from pandas.api import types
    d = pandas.read_csv(sys.argv[1])
    print(len(d))
    print(d.bytes_ts.sum())
    start = pandas.to_datetime(d.start)
    print("%d.%06d" % divmod(start.max().value // 1000, 1000000))
    numbers = ["flow_id", "src_port", "ip_v", "pkts_ts", "bytes_tc", "age", "rtt_nsec"]
    print("numbers" if all(types.is_numeric_dtype(d[n]) for n in numbers) else d.dtypes)
    print("boolean" if types.is_bool_dtype(d.frag) else d.frag.dtype)
    print("times" if str(start.dt.tz) == "UTC" else start.dtype)
    print((d.tcp_flags == "0xdb").sum() // 2)
    """

  private static let duckdb = """
    import sys, duckdb
    duckdb.sql("create table d as from '%s'" % sys.argv[1])
    def one(what): return duckdb.sql("select %s from d" % what).fetchall()[0][0]
    types = {r[0]: r[1] for r in duckdb.sql("describe d").fetchall()}
    print(one("count(*)"))
    print(one("sum(bytes_ts)"))
    print("%d.%06d" % divmod(one("max(epoch_us(start))"), 1000000))
    numbers = ["flow_id", "src_port", "ip_v", "pkts_ts", "bytes_tc", "age", "rtt_nsec"]
    print("numbers" if all(types[n] == "BIGINT" for n in numbers) else types)
    print("boolean" if types["frag"] == "BOOLEAN" else types["frag"])
    print("times" if types["start"].startswith("TIMESTAMP") else types["start"])
    print(one("count(*) filter (tcp_flags::int = 219)") // 2)
    """

  // MARK: Support

  private func csv(_ records: [FlowRecord], _ context: RecordContext = context) -> [UInt8] {
    var encoder = CSVFlowEncoder(context: context)
    var bytes: [UInt8] = []
    for record in records { withUnsafePointer(to: record) { encoder.encode($0, into: &bytes) } }
    return bytes
  }

  /// RFC 4180, section 2, with line feeds.
  private func read(_ bytes: [UInt8]) throws -> [[String]] {
    var rows: [[String]] = []
    var row: [String] = []
    var value: [UInt8] = []
    var isQuoted = false
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if isQuoted {
        if byte != UInt8(ascii: "\"") {
          value.append(byte)
        } else if index < bytes.count, bytes[index] == byte {
          value.append(byte)
          index += 1
        } else {
          isQuoted = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""):
        #expect(value.isEmpty, "a quote within a bare value")
        isQuoted = true
      case UInt8(ascii: ","), UInt8(ascii: "\n"):
        row.append(String(decoding: value, as: UTF8.self))
        value = []
        if byte == UInt8(ascii: "\n") {
          rows.append(row)
          row = []
        }
      default: value.append(byte)
      }
    }
    #expect(!isQuoted && row.isEmpty && value.isEmpty, "the last line has no end")
    return rows
  }
}
