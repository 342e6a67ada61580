import FlowEngine
import Foundation
import Testing

@testable import Records

/// What is said of an expression that is wrong, and that nothing ends in a crash.
@Suite struct ExpressionErrorTests {
  @Test(
    arguments: [
      // The expression, the column, the message, the suggestion.
      ("", 1, "a field is expected here, where the expression ends", nil),
      ("  ", 3, "a field is expected here, where the expression ends", nil),
      ("dst_port == 80", 1, "unknown field \"dst_port\"", "dest_port"),
      ("id.orig_h == 10.0.0.1", 1, "unknown field \"id.orig_h\"", "src_ip"),
      (
        "flow.bytes_to_server > 1", 1, "unknown field \"flow.bytes_to_server\"",
        "flow.bytes_toserver"
      ),
      (
        "http.status == 404", 1,
        "\"http.status\" is a field of protocol records, and this is a condition on flows, such as "
          + "app_proto == http", nil
      ),
      ("port == 1 or communty_id", 14, "unknown field \"communty_id\"", "community_id"),
      ("PORT == 53", 1, "unknown field \"PORT\"", "port"),
      ("xyzzy", 1, "unknown field \"xyzzy\"", nil),
      ("80 == dest_port", 1, "\"80\" is no field; the field stands on the left", nil),
      ("\"port\" == 80", 1, "a field is expected here; its name has no quotation marks", nil),
      ("port = 80", 6, "\"=\" is no operator", "=="),
      ("port == 80 & ip", 12, "\"&\" is no operator", "&&"),
      ("port == 80 | ip", 12, "\"|\" is no operator", "||"),
      ("port == 80 port == 81", 12, "\"and\" or \"or\" is missing before this", nil),
      ("port == ", 9, "a value for port is missing", nil),
      ("port == and", 9, "a value for port is expected here", nil),
      ("port == (80, 81)", 9, "lists stand behind \"in\"", nil),
      ("port == 80, 81", 11, "a list belongs in parentheses behind \"in\"", nil),
      ("port in ()", 9, "this list is empty", nil),
      ("port in (80, )", 14, "a value for port is expected here", nil),
      ("port in (80", 9, "this list is never closed", nil),
      ("port in (80 81)", 13, "\",\" or \")\" is missing before this", nil),
      ("(port == 80", 1, "this parenthesis is never closed", nil),
      ("port == 80)", 11, "\")\" without \"(\"", nil),
      ("port not 80", 10, "\"in\" is expected behind \"not\"", nil),
      ("port == 80 and", 15, "a field is expected here, where the expression ends", nil),
      ("sensor == 'edge1", 11, "this quotation has no end", nil),
      ("port == §", 9, "this has no meaning outside quotation marks", nil),
      // Types.
      ("dest_port == 10.0.0.1", 14, "dest_port is a number, and \"10.0.0.1\" is none", nil),
      ("dest_port == http", 14, "dest_port is a number, and \"http\" is none", nil),
      ("dest_port == 80.5", 14, "dest_port is a whole number, and \"80.5\" is none", nil),
      ("dest_port == -1", 14, "dest_port is a number, and \"-1\" is none", nil),
      ("port in (1-)", 10, "port is a number, and \"\" is none", nil),
      ("port in 90-80", 9, "this range runs backwards", nil),
      ("port > 80-90", 8, "a range goes with \"==\" and \"in\"", nil),
      ("bytes > 5m", 9, "bytes has no unit \"m\"; there are k, M, G, T, Ki, Mi, Gi, Ti", nil),
      ("duration > 5M", 12, "duration has no unit \"M\"; there are ns, us, ms, s, m, h, d", nil),
      (
        "duration > 0.1ns", 12, "duration is compared in nanoseconds, and \"0.1ns\" is finer", nil
      ),
      (
        "bytes > 999999999999999999999999999999T", 9,
        "\"999999999999999999999999999999T\" is too large", nil
      ),
      (
        "src_ip == 80", 11,
        "src_ip is an address, and \"80\" is none, nor a network such as 10.0.0.0/8", nil
      ),
      (
        "ip in 10.0.0.0/33", 7,
        "ip is an address, and \"10.0.0.0/33\" is none, nor a network such as 10.0.0.0/8", nil
      ),
      ("ip in 10.0.0.9-10.0.0.1", 7, "this range runs backwards", nil),
      ("src_ip > 10.0.0.1", 8, "\">\" is for numbers and times, and src_ip is an address", nil),
      (
        "src_ip ~ 10.", 8,
        "\"~\" is for texts, and src_ip is an address; for networks there is \"in 10.0.0.0/8\"", nil
      ),
      ("port contains 8", 6, "\"contains\" is for texts, and port is a number", nil),
      (
        "mac == 10.0.0.1", 8,
        "mac is a MAC address, and \"10.0.0.1\" is none such as 00:00:5e:00:53:01", nil
      ),
      ("proto == tpc", 10, "proto is never \"tpc\"", "TCP"),
      ("proto == 300", 10, "proto is never \"300\"", nil),
      ("conn_state == SFX", 15, "conn_state is never \"SFX\"", "SF"),
      ("state < closed", 7, "\"<\" is for numbers and times, and flow.state is a word", nil),
      ("tcp.syn == yes", 12, "tcp.syn is true or false", nil),
      (
        "start > yesterday", 9,
        "flow.start is a time, and \"yesterday\" is none such as 2026-11-21T05:36:00Z, to the "
          + "microsecond at the most", nil
      ),
      ("start > bytes", 9, "flow.start is a time, and bytes is a number", nil),
      ("bytes > duration", 9, "bytes is a number, and duration is a duration", nil),
    ] as [(String, Int, String, String?)])
  func message(_ text: String, _ column: Int, _ message: String, _ suggestion: String?) throws {
    let error = try #require(failure(text))
    #expect(error.message == message)
    #expect(error.column == column)
    #expect(error.suggestion == suggestion)
  }

  @Test func placeIsMarked() throws {
    #expect(
      failure("port == 80 and\n\tdst_port == 81")?.description == """
        column 17: unknown field "dst_port"; did you mean "dest_port"?
           dst_port == 81
           ^^^^^^^^
        """)
    #expect(
      failure("sensor == 'é' and prot")?.description == """
        column 19: unknown field "prot"; did you mean "proto"?
          sensor == 'é' and prot
                            ^^^^
        """)
    let long = String(repeating: "port == 80 or ", count: 50) + "prt == 1 " + long100
    let excerpt = try #require(failure(long)?.excerpt)
    let lines = excerpt.split(separator: "\n")
    #expect(lines.count == 2 && lines.allSatisfy { $0.count <= 80 })
    let indent = lines[1].prefix { $0 == " " }.count
    #expect(lines[0].dropFirst(indent).hasPrefix("prt == 1"))
  }

  private var long100: String { String(repeating: "x", count: 100) }

  /// What could move a terminal's cursor is not repeated to it.
  @Test func excerptIsPlain() throws {
    let error = try #require(failure("sensor == '\u{1b}[31m\u{202e}\u{7}' or prt"))
    #expect(
      error.excerpt.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 && $0.value < 0x7f })
  }

  // MARK: Hostile texts

  @Test func depthHasALimit() throws {
    let depth = RecordExpression.maximumDepth
    func nested(_ depth: Int) -> String {
      String(repeating: "(", count: depth) + "port == 53" + String(repeating: ")", count: depth)
    }
    #expect(failure(nested(depth)) == nil)
    #expect(failure(nested(depth + 1))?.column == depth + 1)
    #expect(failure(nested(30_000))?.message == "parentheses are nested more than 100 deep")
    #expect(failure(String(repeating: "(", count: 65_536))?.column == depth + 1)
    #expect(failure(String(repeating: "((port)and", count: 6000)) != nil)
  }

  @Test func lengthHasALimit() throws {
    let limit = RecordExpression.maximumLength
    let most = "port" + String(repeating: " ", count: limit - 4)
    #expect(failure(most) == nil)
    #expect(failure(most + " ")?.column == limit + 1)
    #expect(failure(String(repeating: "(", count: 100_000))?.column == limit + 1)
  }

  /// The longest of everything: neither deep nor slow.
  @Test func longTextsAreTaken() throws {
    let dns = flow(IPProtocol.udp, "10.0.0.1", 1000, "10.0.0.2", 53)
    let negated = String(repeating: "!", count: 65_000) + "port == 53"
    #expect(try holds(negated, dns))
    #expect(try !holds("!" + negated, dns))
    let alternatives = (0..<4000).map { "port == \($0 + 1001)" }.joined(separator: " or ")
    #expect(try !holds(alternatives, dns))
    #expect(try holds(alternatives + " or port == 53", dns))
    let list = (0..<8000).map { "\($0 * 7 + 2000)" }.joined(separator: ",")
    #expect(try !holds("port in (\(list))", dns))
    #expect(try holds("port in (\(list),53)", dns))
    let hosts = (0..<4000).map { "11.\($0 / 200).\($0 % 200).1" }.joined(separator: ",")
    #expect(try !holds("ip in (\(hosts))", dns))
    #expect(try holds("ip in (\(hosts),10.0.0.2)", dns))
    let stars = "history ~ '" + String(repeating: "*?", count: 30_000) + "'"
    #expect(try !holds(stars, dns))
  }

  /// Any text at all gives an answer or an error.
  @Test func anyTextIsAnswered() throws {
    let parts =
      [
        "(", ")", ",", "==", "!=", "<", ">=", "~", "!~", "!", "not", "and", "or", "in", "contains",
        "\"", "'", "\\", "10.0.0.0/8", "::/0", "80-90", "1..2", "5k", "2026-11-21", "tcp", "true",
        "é", "\u{0}", "-", ".", "..", "/", ":", "0x", "[]", "*", "  ", "\n",
      ] + ExpressionField.all.flatMap(\.names)
    let record = sampleFlows()[0].record
    var compiled = 0
    for _ in 0..<3000 {
      let text = (0..<Int.random(in: 1...9)).map { _ in parts.randomElement()! }
        .joined(separator: Bool.random() ? " " : "")
      do {
        _ = try holds(text, record)
        compiled += 1
      } catch let error as RecordExpressionError {
        #expect((1...(text.count + 1)).contains(error.column), "\(text.debugDescription)")
      }
    }
    #expect(compiled > 10)
  }

  private func failure(_ text: String) -> RecordExpressionError? {
    do throws(RecordExpressionError) {
      _ = try RecordExpression(parsing: text, context: context)
      return nil
    } catch {
      return error
    }
  }
}
