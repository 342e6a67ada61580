import Testing

/// The comparison with Zeek's logs, held to a log of three lines: what differs must be seen to differ.
@Suite struct ZeekComparisonTests {
  private static let text = """
    #separator \\x09
    #fields\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\torig_pkts\tresp_pkts\tconn_state\thistory
    C1\t192.0.2.1\t4000\t192.0.2.9\t53\tudp\t1\t1\tSF\tDd
    C2\t2001:DB8:0::1\t5000\t2001:db8::9\t80\ttcp\t9\t7\tSF\tShADadFXf
    C3\t192.0.2.9\t53\t192.0.2.2\t4001\tudp\t0\t1\tSHR\t^d
    """

  private static let log = ZeekLog(
    name: "test/conn.log", test: "test", trace: "", command: "zeek -C -f 'udp' -r x",
    rows: ZeekLog.rows(text))

  private func pairs(_ change: (inout [ZeekConnection]) -> Void) throws -> [ZeekReason?] {
    var found = Self.log.rows
    found[1][.history] = "ShADadFf"
    // Martlet's originator is who sent the first packet.
    var straight = found[2]
    straight[.history] = "d"
    found[2] = straight.turned
    found[2][.connState] = "S0"
    for index in found.indices {
      for field in [ZeekField.originatorIPBytes, .responderIPBytes] { found[index][field] = "1" }
    }
    change(&found)
    let comparison = try ZeekComparison(Self.log) { _ in
      ZeekReading(connections: found, errors: "")
    }
    #expect(comparison.pairs[0].differences.isEmpty == (found[0][.history] == "Dd"))
    return comparison.pairs.map { ZeekReason.of($0, in: comparison) }
  }

  @Test func logIsRead() {
    #expect(Self.log.rows.count == 3)
    #expect(Self.log.rows[1][.originatorHost] == "2001:db8::1")
    #expect(Self.log.filter == "udp")
    #expect(Self.log.ignoresChecksums)
  }

  @Test func policiesAreFound() throws {
    #expect(try pairs { _ in } == [nil, .analysisStopped, .turned])
  }

  @Test func differencesAreNotExplained() throws {
    let reasons = try pairs { found in
      found[0][.history] = "D"
      found[1][.history] = "ShADad"
      found[2][.originatorPackets] = "2"
    }
    #expect(reasons == [nil, nil, nil])
  }
}
