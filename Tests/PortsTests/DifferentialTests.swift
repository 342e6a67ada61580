import CBurst
import CPcap
import Foundation
import Testing

@testable import Ports

/// Every public capture, held against libpcap packet by packet and against capinfos in sum.
@Suite(.enabled(if: Captures.areThere, Captures.absent)) struct DifferentialTests {
  /// What a program finds in a file.
  struct Totals: Equatable, CustomStringConvertible {
    var packets = 0
    var captured: UInt64 = 0
    var wire: UInt64 = 0
    var earliest = UInt64.max
    var latest: UInt64 = 0
    /// Of times, lengths and bytes, packet by packet.
    var digest: UInt64 = 14_695_981_039_346_656_037

    mutating func add(_ time: UInt64, _ data: UnsafePointer<UInt8>?, _ count: Int, wire: UInt32) {
      packets += 1
      captured += UInt64(count)
      self.wire += UInt64(wire)
      earliest = min(earliest, time)
      latest = max(latest, time)
      mix(time)
      mix(UInt64(count) << 32 | UInt64(wire))
      guard let data else { return }
      var at = 0
      while at + 8 <= count {
        mix(UnsafeRawPointer(data + at).loadUnaligned(as: UInt64.self))
        at += 8
      }
      while at < count {
        mix(UInt64(data[at]))
        at += 1
      }
    }

    private mutating func mix(_ word: UInt64) {
      digest = (digest ^ word) &* 1_099_511_628_211
      digest ^= digest >> 29
    }

    var description: String {
      "\(packets) packets, \(captured) of \(wire) bytes, \(earliest) to \(latest), \(digest)"
    }
  }

  /// `snapLength`: packets count as if they had been cut there.
  private static func ours(
    _ path: String, snapLength: Int = .max
  ) -> (totals: Totals, problem: CaptureProblem?) {
    var totals = Totals()
    do throws(CaptureProblem) {
      let reader = try CaptureReader(path: path, number: 0)
      let room = UnsafeMutablePointer<martlet_packet>.allocate(capacity: 64)
      defer { room.deallocate() }
      while true {
        switch reader.fill(room, capacity: 64, until: .max, waitMilliseconds: 100) {
        case .packets(let count):
          for i in 0..<count {
            totals.add(
              room[i].timestamp_ns, room[i].data,
              min(Int(room[i].captured_length), snapLength), wire: room[i].wire_length)
          }
        case .idle: break
        case .end: return (totals, reader.problem)
        }
        CaptureStream.forget(reader.takeSpent())
      }
    } catch {
      return (totals, error)
    }
  }

  /// Nanoseconds in the unit of a pcap file's fractions; nil for pcapng.
  private static func unit(_ path: String) -> Int64? {
    guard !path.hasSuffix(".gz"), let file = FileHandle(forReadingAtPath: path),
      let magic = try? file.read(upToCount: 4), magic.count == 4
    else { return nil }
    switch Array(magic) {
    case [0x4d, 0x3c, 0xb2, 0xa1], [0xa1, 0xb2, 0x3c, 0x4d]: return 1
    case [0x0a, 0x0d, 0x0d, 0x0a]: return nil
    default: return 1000
    }
  }

  /// As libpcap reads it; nil where it refuses the file. `error` is what ended it before its end.
  ///
  /// Where libpcap's answer is a matter of its own, it is put right: seconds and fractions of pcap
  /// files have no sign (it shows 2039 as 1903), and a pcapng packet without a time has that of the one
  /// before it (it says 1970).
  private static func libpcap(_ path: String) -> (totals: Totals, error: String?, snapLength: Int)?
  {
    var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    // libpcap knows nothing of compression.
    guard
      let file = path.hasSuffix(".gz") ? popen("exec gzip -dc '\(path)'", "r") : fopen(path, "r")
    else { return nil }
    guard
      let handle = pcap_fopen_offline_with_tstamp_precision(
        file, UInt32(PCAP_TSTAMP_PRECISION_NANO), &message)
    else {
      fclose(file)
      return nil
    }
    defer { pcap_close(handle) }
    let unit = unit(path)
    var totals = Totals()
    var last: UInt64 = 0
    var header: UnsafeMutablePointer<pcap_pkthdr>?
    var data: UnsafePointer<UInt8>?
    while true {
      let result = pcap_next_ex(handle, &header, &data)
      guard result == 1, let header else {
        let error = result == PCAP_ERROR_BREAK ? nil : String(cString: pcap_geterr(handle))
        return (totals, error, unit == nil ? .max : Int(pcap_snapshot(handle)))
      }
      var seconds = Int64(header.pointee.ts.tv_sec)
      var fraction = Int64(header.pointee.ts.tv_usec)
      if let unit {
        seconds = Int64(UInt32(truncatingIfNeeded: seconds))
        fraction = Int64(UInt32(truncatingIfNeeded: fraction / unit)) * unit
      }
      let exact = UInt64(seconds) * 1_000_000_000 + UInt64(fraction)
      last = unit == nil && exact == 0 ? last : min(exact, PacketClock.latest)
      totals.add(last, data, Int(header.pointee.caplen), wire: header.pointee.len)
    }
  }

  /// Captures that libpcap does not read to the end and Martlet does, by what libpcap says of them.
  static let libpcapLimits = [
    // One link type and one snap length a file is all that libpcap can answer for.
    "different from the type of the first interface",
    "different from the snapshot length of the first interface",
  ]

  /// Captures that libpcap refuses, and why Martlet does not, or how.
  static let refusedByLibpcap = [
    "libpcap/tests/pcap-invalid-version-2.pcap":
      "version 2.5 does not exist; what it holds is laid out like 2.4",
    "libpcap/tests/pcapng-invalid-vers-1.pcapng": "a section of version 0.1: refused here as well",
    "libpcap/tests/pcapng-invalid-vers-2.pcapng":
      "minor versions are compatible by definition (section 4.1); 1.1 holds a usual packet",
    "gopacket/pcapgo/tests/be/test017.pcapng": "no interface, and no packets that need one",
    "gopacket/pcapgo/tests/le/test002.pcapng": "no interface, and no packets that need one",
    "pcapplusplus/Tests/Fuzzers/RegressionTests/clusterfuzz-testcase-minimized-FuzzTarget-4683685084594176":
      "a version of rubbish; the packet behind it is laid out like any",
  ]

  @Test func everyPacketAsLibpcapReadsIt() {
    #expect(Captures.manifest.count == 2066)
    var equal = 0
    var refused: Set<String> = []
    for entry in Captures.manifest {
      let path = Captures.path(entry.path)
      guard let other = Self.libpcap(path) else {
        refused.insert(entry.path)
        continue
      }
      let (totals, problem) = Self.ours(path, snapLength: other.snapLength)
      if let error = other.error, Self.libpcapLimits.contains(where: error.contains) {
        #expect(problem == nil && totals.packets >= other.totals.packets, "\(entry.path)")
        continue
      }
      #expect(totals == other.totals, "\(entry.path)")
      // Each sees damage where the other does.
      #expect(
        (problem == nil) == (other.error == nil),
        "\(entry.path): \(problem?.text ?? "nothing"), \(other.error ?? "nothing")")
      if totals == other.totals { equal += 1 }
    }
    #expect(refused == Set(Self.refusedByLibpcap.keys))
    #expect(equal >= 2035)
  }

  /// Captures that capinfos refuses or counts otherwise, and why Martlet does not; all of them are held
  /// against libpcap above.
  static let capinfosDiffers: [(why: String, captures: Set<String>)] = [
    (
      "link types that Wireshark does not know",
      [
        "tcpdump/tests/brcm-tag-prepend.pcap", "tcpdump/tests/brcm-tag.pcap",
        "tcpdump/tests/edsa-high-vid.pcap", "tcpdump/tests/edsa.pcap",
        "tcpdump/tests/frf16_magic_ie-oobr.pcap", "tcpdump/tests/hoobr_juniper3.pcap",
        "tcpdump/tests/juniper_es_oobr.pcap", "tcpdump/tests/vtp_asan-3.pcap",
        "tcpdump/tests/vtp_asan.pcap", "libpcap/tests/linktype-reserved-field-not-zero.pcap",
        "libpcap/tests/filter/brcm-tag-stp.pcap", "libpcap/tests/filter/brcm-tag.pcap",
        "ntopng/fuzz/corpus/fuzz_dissect_packet/brcm-tag-prepend.pcap",
        "ntopng/fuzz/corpus/fuzz_dissect_packet/brcm-tag.pcap",
        "ntopng/fuzz/corpus/fuzz_dissect_packet/edsa-high-vid.pcap",
        "ntopng/fuzz/corpus/fuzz_dissect_packet/edsa.pcap",
        "ntopng/fuzz/corpus/fuzz_dissect_packet/frf16_magic_ie-oobr.pcap",
        "ntopng/fuzz/corpus/fuzz_dissect_packet/juniper_es_oobr.pcap",
        "ntopng/fuzz/corpus/fuzz_dissect_packet/vtp_asan-2.pcap",
        "ntopng/fuzz/corpus/fuzz_dissect_packet/vtp_asan-3.pcap",
        "ntopng/fuzz/corpus/fuzz_dissect_packet/vtp_asan.pcap",
      ]
    ),
    (
      "sections of versions that capinfos refuses; what stands before them counts here",
      [
        "gopacket/pcapgo/tests/le/test901.pcapng",
        "libpcap/tests/pcapng-invalid-vers-1.pcapng", "libpcap/tests/pcapng-invalid-vers-2.pcapng",
      ]
    ),
    (
      "damaged: capinfos gives no totals of what stands before the damage",
      [
        "suricata-verify/tests/smtp-to-comma/10.7.29.101_49898-178.63.41.150_25.pcap",
        "\(regressions)/clusterfuzz-testcase-minimized-FuzzTarget-5204104585674752",
        "\(regressions)/clusterfuzz-testcase-minimized-FuzzTarget-5631583764873216",
        "\(regressions)/clusterfuzz-testcase-minimized-FuzzTarget-5685520970809344",
        "\(regressions)/clusterfuzz-testcase-minimized-FuzzTarget-5758569646653440",
        "\(regressions)/crash-eec28dafde1f1ac2299674a75a914ae16d4046fa",
      ]
    ),
    (
      "Wireshark takes four bytes of ATM's pseudo-header off the wire length",
      [
        "ntopng/fuzz/corpus/fuzz_dissect_packet/atm-heapoverflow.pcap",
        "ntopng/fuzz/corpus/fuzz_dissect_packet/atm-oam-heapoverflow.pcap",
      ]
    ),
    (
      "Wireshark guesses that the second length stands first",
      ["\(regressions)/igmplayer"]
    ),
  ]

  private static let regressions =
    "pcapplusplus/Tests/Fuzzers/RegressionTests/regression_samples"

  /// capinfos reads what libpcap cannot: several link types in a file, and compressed ones.
  @Test(.enabled(if: Programs.wireshark, Programs.noWireshark))
  func totalsAsCapinfosHasThem() throws {
    let paths = Set(Captures.manifest.map(\.path)).sorted()
    let arguments = ["-T", "-M", "-B", "-N", "-r", "-S", "-c", "-d", "-a", "-e"]
    let text = String(
      decoding: try Programs.output("capinfos", arguments + paths.map(Captures.path)),
      as: UTF8.self)
    var rows: [String: [String]] = [:]
    for line in text.split(separator: "\n") {
      let cells = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      rows[cells[0]] = Array(cells.dropFirst())
    }
    var differs: Set<String> = []
    var times = 0
    for path in paths {
      let totals = Self.ours(Captures.path(path)).totals
      guard let row = rows[Captures.path(path)], row.count == 4, Int(row[0]) == totals.packets,
        UInt64(row[1]) == totals.wire
      else {
        differs.insert(path)
        continue
      }
      // Of pcap files libpcap says more: some have a million or more microseconds in a second, which
      // capinfos does not carry over. Where packets have no time it says so.
      guard path.contains(".pcapng"), totals.packets > 0, row[2] != "n/a" else { continue }
      times += 1
      #expect(
        Self.same(totals.earliest, row[2]) && Self.same(totals.latest, row[3]),
        "\(path): \(totals), capinfos: \(row[2]) to \(row[3])")
    }
    #expect(differs == Self.capinfosDiffers.reduce(into: []) { $0.formUnion($1.captures) })
    #expect(times > 150)
  }

  /// Whether a time is what capinfos writes, as exactly as it does: `1700000000.123456`.
  private static func same(_ time: UInt64, _ text: String) -> Bool {
    let parts = text.split(separator: ".")
    guard parts.count == 2, let seconds = UInt64(parts[0]), let fraction = UInt64(parts[1]),
      parts[1].count <= 9
    else { return false }
    var unit: UInt64 = 1
    for _ in parts[1].count..<9 { unit *= 10 }
    return time / unit * unit == seconds * 1_000_000_000 + fraction * unit
  }

  /// The manifest counts by other means again.
  @Test func countsAsInTheManifest() {
    let differs = Captures.manifest.filter {
      Self.ours(Captures.path($0.path)).totals.packets != $0.packets
    }
    let expected = [
      // Version 2.65: its only packet is whole, whatever the version means.
      "ndpi/tests/cfgs/default/pcap/fuzz-2021-10-13.pcap",
      // Sections of a version that does not exist: what they hold is not guessed at.
      "libpcap/tests/pcapng-invalid-vers-1.pcapng", "gopacket/pcapgo/tests/le/test901.pcapng",
    ]
    #expect(differs.map(\.path) == expected)
  }
}
