import Testing

@testable import Configuration

/// What an engine will take, line by line.
@Suite("Memory budget")
struct MemoryBudgetTests {
  private func bytes(_ text: String) throws -> [String: Int] {
    let budget = MemoryBudget(try Documents.settings(text))
    #expect(budget.totalBytes == budget.lines.reduce(0) { $0 + $1.bytes })
    return Dictionary(uniqueKeysWithValues: budget.lines.map { ($0.name, $0.bytes) })
  }

  @Test("one worker with everything at its default")
  func standard() throws {
    let bytes = try bytes(Documents.least)
    #expect(
      bytes == [
        "flow entries": 262_144 * 272,
        // Eight slots for five flows.
        "flow index": 52_429 * 64,
        "free list and flow scan": 262_144 * 12,
        "flow scan rings": 128 + 128 + 2048 * 448 + 128 + 256 * 24,
        "flow details": 6_553 * 188,
        "tunnels": 4_097 * 52,
        "record rings": 128 + 65_536 * 424,
        "hand-off rings": 0,
        "fragment caches": 4096 * 212 + 1024 * 168,
        "dissection": 16_384 * 1028 + (32 << 20) + 4096 + (352 << 10),
        "protocol record rings": 128 + (4 << 20),
        "filters and traces": 690_304,
        "packet buffers": (1024 + 576 + 1024) * (2048 + 320),
        "sink queues": 0,
      ])
  }

  @Test("workers, ports and sinks multiply")
  func several() throws {
    let text = """
      sensor: s
      engine: { workers: 3 }
      flows: { capacity: 1000 }
      fragments: { capacity: 1000, heldPackets: 10 }
      handoff: { ringSlots: 64 }
      records: { ringSlots: 64 }
      ports:
        - { name: a, device: net_ring0, mbufCount: 4096, mbufSizeBytes: 1024 }
        - { name: b, device: net_ring1, queues: 2, rxDescriptors: 64 }
      sinks:
        - { type: stdout, queueMegabytes: 2 }
        - { type: file, path: f, queueMegabytes: 3 }
        - { type: "null" }
      """
    let bytes = try bytes(text)
    #expect(bytes["flow entries"] == 3 * 1000 * 272)
    #expect(bytes["flow index"] == 3 * 200 * 64)
    #expect(bytes["record rings"] == 3 * (128 + 64 * 424))
    #expect(bytes["hand-off rings"] == 6 * (128 + 64 * 160))
    #expect(bytes["fragment caches"] == 3 * (1024 * 212 + 10 * 168))
    #expect(
      bytes["packet buffers"]
        == 4096 * (1024 + 320) + (2 * (64 + 576) + 3 * 10 + 6 * 64) * (2048 + 320))
    #expect(bytes["sink queues"] == 5 << 20)
  }

  @Test("the largest settings do not overflow")
  func largest() throws {
    let text =
      Documents.least + "engine: { workers: 128 }\nflows: { capacity: 1073741824 }\n"
      + "handoff: { ringSlots: 1048576 }\nrecords: { ringSlots: 16777216 }\n"
      + "fragments: { capacity: 1048576, heldPackets: 1048576 }\n"
    #expect(try bytes(text).values.allSatisfy { $0 >= 0 })
  }

  @Test("as it is printed")
  func printed() throws {
    let text = MemoryBudget(try Documents.settings(Documents.least)).describe()
    let lines = text.split(separator: "\n")
    #expect(lines.first == "flow entries              68 MiB")
    #expect(lines.last == "total                    163 MiB")
    #expect(Set(lines.map(\.count)).count == 1)
  }
}
