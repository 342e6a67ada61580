import CBurst
import Testing

@testable import FlowEngine

/// Memory for rules as the engine has it, and a way to have them adopted by a ``WorkerBed``'s workers.
final class FilterBed {
  let memory: FilterMemory
  private let base: UnsafeMutableRawPointer
  private var storages: [FilterRuleStorage] = []

  init(workers: Int = 1) {
    var sum = MemoryPlan()
    _ = FilterMemory(workers: workers, plan: &sum)
    base = .allocate(byteCount: sum.total, alignment: 128)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: sum.total)
    var plan = MemoryPlan(memory: base)
    memory = FilterMemory(workers: workers, plan: &plan)
  }

  deinit { base.deallocate() }

  /// A rule of a program; see ``Program``.
  struct Rule {
    var program: [BPFInstruction]
    var verdict = FilterVerdict.drop
    var isInner = false
    var slot: UInt8 = 0
    var shift: UInt8 = 0
    var marks = FlowMarks.none
    var ports = UInt64.max
  }

  func set(_ rules: [Rule], in bed: WorkerBed, trace: UInt64 = 0) throws {
    let filters = try rules.map {
      PacketFilterStorage([($0.isInner ? 101 : 1, try FilterProgram($0.program))])
    }
    let list = zip(rules, filters).map { rule, filter in
      FilterRule(
        filter: filter.filter, verdict: rule.verdict, isInner: rule.isInner, slot: rule.slot,
        shift: rule.shift, marks: rule.marks, ports: rule.ports)
    }
    let storage = FilterRuleStorage(
      list, filters: filters, generation: UInt64(storages.count + 1), traceSession: trace)
    storages.append(storage)
    memory.slot.set(storage.set)
    for i in 0..<bed.settings.workerCount { bed.workers[i].adoptRules() }
  }

  func counts(_ slot: UInt8) -> FilterReport.Counts {
    memory.reports.reduce(FilterReport.Counts()) { $0 + $1.counts(slot) }
  }

  /// Programs by hand, so that these tests need no libpcap; FiltersTests has the compiler's.
  enum Program {
    static let everything = [BPFInstruction(BPFCode.ret, 65_535)]

    /// `ether[offset:2] == value`
    static func half(_ offset: UInt32, equals value: UInt32) -> [BPFInstruction] {
      [
        BPFInstruction(BPFCode.ld | BPFCode.h | BPFCode.abs, offset),
        BPFInstruction(BPFCode.jmp | 0x10, value, jt: 0, jf: 1),
        BPFInstruction(BPFCode.ret, 65_535),
        BPFInstruction(BPFCode.ret, 0),
      ]
    }

    /// `ether[offset] == value`
    static func byte(_ offset: UInt32, equals value: UInt32) -> [BPFInstruction] {
      [
        BPFInstruction(BPFCode.ld | BPFCode.b | BPFCode.abs, offset),
        BPFInstruction(BPFCode.jmp | 0x10, value, jt: 0, jf: 1),
        BPFInstruction(BPFCode.ret, 65_535),
        BPFInstruction(BPFCode.ret, 0),
      ]
    }

    /// Destination port of TCP or UDP over IPv4 without options.
    static func destinationPort(_ port: UInt32) -> [BPFInstruction] { half(36, equals: port) }
    static let udp = byte(23, equals: 17)
    static let tcp = byte(23, equals: 6)
  }
}
