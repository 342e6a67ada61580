import CPcap
package import FlowEngine
import Glibc
import Synchronization

/// Turns libpcap's expressions (pcap-filter(7)) into programs that ``PacketFilter`` runs.
///
/// libpcap compiles, with its optimiser on and the netmask unknown, as if for a capture file of the
/// link type: so LINKTYPE_ values are understood as in files, what only a live interface knows
/// (`inbound`) is refused instead of matching nothing, and IPv6 is found behind the loopback headers
/// of every BSD.
package enum FilterCompiler {
  /// LINKTYPE_ETHERNET.
  package static let ethernet: UInt32 = 1

  /// LINKTYPE_RAW: IPv4 or IPv6, nothing before it.
  package static let rawIP: UInt32 = 101

  /// What libpcap takes for the largest packet: what an accepting program returns.
  package static let maximumSnapLength: UInt32 = 262_144

  /// The link types whose header is an address family in the capturing machine's byte order:
  /// LINKTYPE_NULL and LINKTYPE_ENC.
  private static let hostOrderTypes: [UInt32] = [0, 109]

  /// The program that ``compile(_:linkType:snapLength:)`` would decode, a line an instruction, as
  /// `tcpdump -d` shows it.
  package static func listing(
    _ expression: String, linkType: UInt32
  ) throws(FilterError) -> [String] {
    let header = SavefileHeader(
      linkType: linkType, snapLength: maximumSnapLength, order: .bigEndian)
    let instructions = try instructions(expression, header)
    // bpf_image's text is one static buffer's.
    return lock.withLock { _ in
      instructions.enumerated().map { number, instruction in
        var code = bpf_insn(
          code: instruction.code, jt: instruction.jt, jf: instruction.jf, k: instruction.k)
        return String(cString: bpf_image(&code, CInt(number)))
      }
    }
  }

  /// libpcap's compiler is reentrant from 1.8 on only, and its look-ups of names not everywhere.
  private static let lock = Mutex(())

  /// Compiles `expression` for packets of `linkType`, a LINKTYPE_ as in capture files. The empty
  /// expression takes every packet.
  ///
  /// Names of hosts and networks are looked up as libpcap does it, which may block for seconds.
  /// Any thread may call this. Throws ``FilterError`` with libpcap's own words.
  package static func compile(
    _ expression: String, linkType: UInt32, snapLength: UInt32 = maximumSnapLength
  ) throws(FilterError) -> FilterProgram {
    func program(_ order: SavefileHeader.Order) throws(FilterError) -> FilterProgram {
      let source = SavefileHeader(
        // libpcap knows OpenBSD's number for raw IP on OpenBSD alone.
        linkType: linkType == 14 ? 101 : linkType, snapLength: snapLength, order: order)
      return try compile(expression, source)
    }
    let bigEndian = try program(.bigEndian)
    guard hostOrderTypes.contains(linkType) else { return bigEndian }
    return FilterProgram(networkOrder: bigEndian, reverseOrder: try program(.littleEndian))
  }

  private static func compile(
    _ expression: String, _ header: SavefileHeader
  ) throws(FilterError) -> FilterProgram {
    let instructions = try instructions(expression, header)
    do {
      return try FilterProgram(instructions)
    } catch {
      throw FilterError(
        expression: expression, linkType: header.linkType, linkTypeName: nil,
        reason: error.description)
    }
  }

  private static func instructions(
    _ expression: String, _ header: SavefileHeader
  ) throws(FilterError) -> [BPFInstruction] {
    var name: String?
    func failure(_ reason: String) -> FilterError {
      FilterError(
        expression: expression, linkType: header.linkType, linkTypeName: name, reason: reason)
    }
    guard !expression.utf8.contains(0) else { throw failure("it contains a zero byte") }
    // In a file the upper six bits are not the link type's: libpcap would look past them.
    guard header.linkType <= 0x03ff_ffff else { throw failure("no such link type") }

    let outcome = lock.withLock { _ -> Result<[BPFInstruction], LibpcapFailure> in
      header.withHandle { handle in
        name = pcap_datalink_val_to_name(pcap_datalink(handle)).map { String(cString: $0) }
        var program = bpf_program()
        guard pcap_compile(handle, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0 else {
          return .failure(LibpcapFailure(text: String(cString: pcap_geterr(handle))))
        }
        defer { pcap_freecode(&program) }
        return .success(
          UnsafeBufferPointer(start: program.bf_insns, count: Int(program.bf_len)).map {
            BPFInstruction($0.code, $0.k, jt: $0.jt, jf: $0.jf)
          })
      }
    }
    switch outcome {
    case .failure(let error): throw failure(error.reason)
    case .success(let instructions): return instructions
    }
  }
}

/// What libpcap says went wrong.
struct LibpcapFailure: Error {
  var text: String

  /// Its text without what says no more than that an expression is meant.
  var reason: String {
    let prefix = "can't parse filter expression: "
    return text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
  }
}

/// A capture file of 24 octets and no packet, in memory: all that libpcap wants to know of a link.
///
///     | magic | major, minor | 0 | 0 | snap length | link type |
struct SavefileHeader {
  enum Order { case bigEndian, littleEndian }

  var linkType: UInt32
  var snapLength: UInt32
  var order: Order

  private var bytes: [UInt8] {
    func octets<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
      withUnsafeBytes(of: order == .bigEndian ? value.bigEndian : value.littleEndian, Array.init)
    }
    return octets(0xa1b2_c3d4 as UInt32) + octets(2 as UInt16) + octets(4 as UInt16)
      + octets(0 as UInt32) + octets(0 as UInt32) + octets(snapLength) + octets(linkType)
  }

  /// Calls `body` with libpcap's handle of this file.
  func withHandle<T>(
    _ body: (OpaquePointer) -> Result<T, LibpcapFailure>
  ) -> Result<T, LibpcapFailure> {
    var bytes = bytes
    return bytes.withUnsafeMutableBytes { memory in
      guard let file = fmemopen(memory.baseAddress, memory.count, "r") else {
        return .failure(LibpcapFailure(text: "out of memory"))
      }
      return withUnsafeTemporaryAllocation(
        of: CChar.self, capacity: Int(PCAP_ERRBUF_SIZE)
      ) { text in
        text.initialize(repeating: 0)
        guard let handle = pcap_fopen_offline(file, text.baseAddress) else {
          fclose(file)
          return .failure(LibpcapFailure(text: String(cString: text.baseAddress!)))
        }
        // Closes the file as well.
        defer { pcap_close(handle) }
        return body(handle)
      }
    }
  }
}
