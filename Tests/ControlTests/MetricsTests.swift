import ControlAPI
import Foundation
import Glibc
import Testing

@testable import ControlServer

/// The endpoint for Prometheus, over real sockets of the loopback.
struct MetricsTests {
  private func withMetrics(
    engine: any EngineInterface = FixedEngine(), address: String = "127.0.0.1",
    limits: MetricsLimits = MetricsLimits(), _ body: (Int) throws -> Void
  ) throws {
    let threads = EngineThreads()
    let server = MetricsServer(
      engine: engine, address: address, port: 0, threads: threads, limits: limits,
      logger: quietLogger)
    try server.start()
    defer {
      server.stop()
      threads.stop()
    }
    try body(try #require(server.servedPort))
  }

  /// A TCP connection to the loopback that gives up after ten seconds.
  private final class Connection {
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)

    init(_ port: Int) throws {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
      let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      guard result == 0 else { throw TestFailure("connect: \(errno)") }
      var limit = timeval(tv_sec: 10, tv_usec: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    @discardableResult
    func send(_ text: String) -> Bool {
      let bytes = Array(text.utf8)
      return Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count
    }

    /// Everything up to the end of the stream.
    func rest() throws -> String {
      var all: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 65536)
      while true {
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count < 0 && errno == EAGAIN { throw TestFailure("not closed within 10 s") }
        if count <= 0 { return String(decoding: all, as: UTF8.self) }
        all += chunk[..<count]
      }
    }
  }

  private func fetch(_ port: Int, _ request: String) throws -> (head: String, body: String) {
    let connection = try Connection(port)
    connection.send(request + "\r\nHost: x\r\nConnection: close\r\n\r\n")
    let parts = try connection.rest().components(separatedBy: "\r\n\r\n")
    return (parts[0], parts.dropFirst().joined(separator: "\r\n\r\n"))
  }

  @Test func everyMetricIsServed() throws {
    try withMetrics { port in
      let (head, body) = try fetch(port, "GET /metrics HTTP/1.1")
      #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"))
      #expect(head.contains("content-length: \(body.utf8.count)\r\n"))
      #expect(body.contains("\nmartlet_uptime_seconds 3725\n"))
      #expect(body.contains("\nmartlet_build_info{version=\"0.1.0\",sensor=\"edge1\"} 1\n"))
      #expect(body.contains("\nmartlet_filter_packets_total{filter=\"web\"} 12345\n"))
      #expect(
        body.contains("\nmartlet_sink_records_dropped_total{sink=\"file\",cause=\"refused\"} 100\n")
      )
      let stats = SampleData.stats(uptimeSeconds: 3725)
      #expect(
        body.contains(
          "\nmartlet_received_packets_total{worker=\"1\"} \(stats.workers[1].account.received)\n"))
    }
  }

  @Test func headHasTheLengthAndNoBody() throws {
    try withMetrics { port in
      let (head, body) = try fetch(port, "HEAD /metrics HTTP/1.1")
      let whole = try fetch(port, "GET /metrics?x=1 HTTP/1.1")
      #expect(body.isEmpty && head.contains("content-length: \(whole.body.utf8.count)\r\n"))
    }
  }

  @Test(arguments: [
    ("GET / HTTP/1.1", "404"), ("GET /metrics/ HTTP/1.1", "404"),
    ("POST /metrics HTTP/1.1", "405"), ("DELETE /metrics HTTP/1.1", "405"),
    ("nonsense", "400"),
  ])
  func otherRequestsAreRefused(request: String, status: String) throws {
    try withMetrics { port in
      let head = try fetch(port, request).head
      #expect(head.hasPrefix("HTTP/1.1 \(status) "), "\(head)")
    }
  }

  @Test func aConnectionIsKeptForTheNextScrape() throws {
    try withMetrics { port in
      let connection = try Connection(port)
      connection.send(
        "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
      connection.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      #expect(try connection.rest().components(separatedBy: "HTTP/1.1 200 OK").count == 4)
    }
  }

  @Test func anEngineThatFailsIsNotServed() throws {
    try withMetrics(engine: FixedEngine(statsFail: true)) { port in
      let head = try fetch(port, "GET /metrics HTTP/1.1").head
      #expect(head.hasPrefix("HTTP/1.1 503 "), "\(head)")
    }
  }

  @Test func hostileScrapersAreClosedAndOthersServed() throws {
    var limits = MetricsLimits()
    limits.requestSeconds = 1
    limits.connections = 4
    try withMetrics(limits: limits) { port in
      let endless = try Connection(port)
      while endless.send("X-Header: \(String(repeating: "a", count: 1000))\r\n") {}
      let large = try Connection(port)
      large.send("GET /metrics HTTP/1.1\r\nX: \(String(repeating: "a", count: 9000))\r\n\r\n")
      #expect(try large.rest().contains("200 OK") == false)
      let silent = try Connection(port)
      let half = try Connection(port)
      half.send("GET /met")
      #expect(try silent.rest().isEmpty)
      #expect(try half.rest().contains("200") == false)
      let held = try (0..<4).map { _ in try Connection(port) }
      #expect(try Connection(port).rest().isEmpty, "a fifth connection is closed")
      for connection in held {
        connection.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        #expect(try connection.rest().hasPrefix("HTTP/1.1 200"))
      }
    }
  }

  @Test func anAddressInUseIsNamed() throws {
    try withMetrics { port in
      let threads = EngineThreads()
      defer { threads.stop() }
      let second = MetricsServer(
        engine: FixedEngine(), address: "127.0.0.1", port: port, threads: threads,
        logger: quietLogger)
      let error = #expect(throws: ControlServerError.self) { try second.start() }
      let text = error?.description ?? ""
      #expect(
        text.contains("127.0.0.1:\(port): Address already in use; metrics.listen "), "\(text)")
    }
  }

  // MARK: - The text format

  static func text() throws -> String {
    MetricFamily.text(MetricFamily.all, try MetricsReading(FixedEngine()))
  }

  @Test func linesAreOfTheFormat() throws {
    var family = ""
    var types: Set<String> = []
    var series: Set<String> = []
    let sample = try Regex(
      #"([a-z_]+)(\{[a-z_]+="[^"\\\n]*"(,[a-z_]+="[^"\\\n]*")*\})? (-?[0-9.e+-]+|NaN)"#)
    for line in try Self.text().split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 3)
      if line.hasPrefix("# HELP ") {
        family = String(words[2])
        #expect(types.insert(family).inserted, "\(family) stands twice")
      } else if line.hasPrefix("# TYPE ") {
        #expect(words[2] == family && (words[3] == "counter" || words[3] == "gauge"))
      } else {
        let match = try #require(try sample.wholeMatch(in: line), "\(line)")
        #expect(match[1].substring.map { String($0) } == family)
        let name = "\(family)\(match[2].substring ?? "")"
        #expect(series.insert(name).inserted, "\(name) stands twice")
      }
    }
    #expect(types.count == MetricFamily.all.count, "the sample has series of each")
  }

  @Test func namesFollowTheConventions() {
    for family in MetricFamily.all {
      #expect(family.name.hasPrefix("martlet_"))
      #expect(family.name.hasSuffix("_total") == (family.kind == .counter), "\(family.name)")
      #expect(family.help.hasSuffix("."))
      for word in ["milli", "micro", "nano", "kilo", "mega", "bits", "percent", "ticks"] {
        #expect(!family.name.contains(word), "\(family.name) is in base units")
      }
    }
    #expect(Set(MetricFamily.all.map(\.name)).count == MetricFamily.all.count)
  }

  @Test func labelsAreEscapedAndSinksOfOneNameToldApart() throws {
    let family = MetricFamily("x", .gauge, "a\\b\nc", labels: ["l"]) { _ in
      [.init(labels: ["a\"b\\c\nd"], value: .number(.infinity))]
    }
    var reading = try MetricsReading(FixedEngine())
    #expect(
      MetricFamily.text([family], reading)
        == "# HELP martlet_x a\\\\b\\nc\n# TYPE martlet_x gauge\nmartlet_x{l=\"a\\\"b\\\\c\\nd\"} +Inf\n"
    )
    reading.stats.sinks = [SinkStats(), SinkStats()]
    for index in 0..<2 { reading.stats.sinks[index].name = "file" }
    let text = MetricFamily.text(MetricFamily.all, reading)
    #expect(text.contains("{sink=\"file\"}") && text.contains("{sink=\"file 2\"}"))
  }

  /// Prometheus' own parser for Python reads it.
  @Test(
    .enabled(
      if: Python.has("prometheus_client"),
      "SKIPPED: prometheus_client (pip install prometheus-client) is not there to read the metrics")
  )
  func prometheusReadsIt() throws {
    let output = try Python.run(
      """
      import sys
      from prometheus_client.parser import text_string_to_metric_families
      count = 0
      for family in text_string_to_metric_families(sys.stdin.read()):
          assert family.documentation and family.type in ("counter", "gauge"), family
          for sample in family.samples: count += 1
      print(count)
      """, input: try Self.text())
    let lines = try Self.text().split(separator: "\n").filter { !$0.hasPrefix("#") }.count
    #expect(output == "\(lines)\n")
  }

  // MARK: - The reference

  @Test("docs/metrics.md is as written from the list; MARTLET_REGENERATE=1 writes it")
  func reference() throws {
    var text = """
      # Metrics

      `martletd` serves its counters to Prometheus where `metrics.listen` is set (`127.0.0.1:9464`): `GET /metrics` over HTTP/1.1, text format 0.0.4. There is no password and no encryption; keep it on the loopback, or behind a proxy. A scrape reads the engine once, on a thread that is no worker's. The [Grafana dashboard](../config/grafana-dashboard.json) shows what is here.

      ```yaml
      scrape_configs:
        - job_name: martlet
          static_configs:
            - targets: ["127.0.0.1:9464"]
      ```

      Counters begin at nought with the engine; a view of `stats.reset` does not change them. A metric without any series (no filter rules, a port without buffers of its own) is left out. Where two sinks have one name, the second is `NAME 2`.

      At most 16 scrapers are connected at a time; a request has at most 8 KiB, and 10 s to come.

      | metric | type | labels | |
      |---|---|---|---|

      """
    for family in MetricFamily.all {
      let labels = family.labels.map { "`\($0)`" }.joined(separator: ", ")
      text += "| `\(family.name)` | \(family.kind.rawValue) | \(labels) | \(family.help) |\n"
    }
    try Reference.check("docs/metrics.md", is: text)
  }
}
