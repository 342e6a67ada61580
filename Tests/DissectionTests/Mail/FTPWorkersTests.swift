import FlowEngine
import Testing

@testable import Dissection

/// A control connection and its data channel, each with a worker of its own.
struct FTPWorkersTests {
  private static func control(_ bed: DissectionBed) -> Wire {
    let wire = Wire(on: bed, to: 21)
    wire.handshake()
    wire.send("220 ready\r\n", toServer: false)
    wire.send("USER bob\r\n", toServer: true)
    wire.send("230 in\r\n", toServer: false)
    wire.send("PASV\r\n", toServer: true)
    wire.send("227 Entering Passive Mode (10,0,0,2,19,136)\r\n", toServer: false)
    wire.send("RETR report.txt\r\n", toServer: true)
    wire.send("150 here it comes\r\n", toServer: false)
    return wire
  }

  private static func data(_ bed: DissectionBed, at time: Double, count: Int) {
    let wire = Wire(on: bed, to: 5000, from: 40_001)
    wire.time = time
    wire.handshake()
    wire.send([UInt8](repeating: 0xee, count: count), toServer: false)
    wire.close()
  }

  private static func transfer(_ bed: DissectionBed) -> [String?] {
    let record = bed.records("ftp_data").first?["ftp_data"] as? [String: Any]
    let flow = bed.records("flow").first { $0["src_port"] as? Int == 40_001 }
    return [
      record?["filename"] as? String, record?["command"] as? String, flow?["app_proto"] as? String,
    ]
  }

  @Test func theOtherWorkerIsFirst() {
    let first = DissectionBed()
    let second = DissectionBed(sharing: first)
    let control = Self.control(first)
    Self.data(second, at: control.time, count: 100)
    first.finish()
    second.finish()
    #expect(Self.transfer(second) == ["report.txt", "RETR", "ftp-data"])
    let file = second.records("fileinfo").first?["fileinfo"] as? [String: Any]
    #expect(file?["size"] as? Int == 100)
  }

  /// The worker of the data channel is ahead: it learns at the flow's end what it was, however much of it
  /// had been looked at.
  @Test(arguments: [100, 1400, 20_000])
  func theOtherWorkerIsLate(_ count: Int) {
    let first = DissectionBed()
    let second = DissectionBed(sharing: first)
    // By the packets' time the announcement came before.
    Self.data(second, at: 1_700_000_000.5, count: count)
    _ = Self.control(first)
    first.finish()
    second.finish()
    #expect(Self.transfer(second) == ["report.txt", "RETR", "ftp-data"])
    #expect(second.buffersInUse == 0 && second.statesInUse == 0)
  }

  /// What is announced behind a flow is not its own, and what one flow has taken is not another's.
  @Test func nothingIsJoinedThatDoesNotBelongTogether() {
    let first = DissectionBed()
    let second = DissectionBed(sharing: first)
    let third = DissectionBed(sharing: first)
    Self.data(second, at: 1_699_999_999, count: 3000)
    let control = Self.control(first)
    Self.data(third, at: control.time + 1000, count: 3000)
    first.finish()
    second.finish()
    third.finish()
    #expect(Self.transfer(second)[2] == "failed")
    #expect(Self.transfer(third)[2] == "failed")
  }

  @Test func anAnnouncementIsTakenOnce() throws {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: AnnouncedTransfers.byteCount(workers: 2), alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(
      as: UInt8.self, repeating: 0, count: AnnouncedTransfers.byteCount(workers: 2))
    let mine = AnnouncedTransfers(memory: memory, worker: 0, workers: 2)
    let yours = AnnouncedTransfers(memory: memory, worker: 1, workers: 2)
    let key = FlowKey(
      addressA: IPAddress(v4: 1), addressB: IPAddress(v4: 2), portA: 1000, portB: 2000,
      proto: IPProtocol.tcp, flags: 0)
    #expect(yours.take(key, clientSide: 0, began: 5) == nil)
    for round in 0..<3 {
      let time = Int64(10 + round * 10)
      mine.announce(key.addressB, 2000, key, now: time)
      mine.describe(key.addressB, 2000, key, FTPTransfer.store.rawValue, name: Bytes("a"))
      #expect(yours.take(key, clientSide: 0, began: time - 1) == nil)
      #expect(yours.take(key, clientSide: 0, began: time)?.transfer == FTPTransfer.store.rawValue)
      #expect(yours.take(key, clientSide: 0, began: time) == nil)
      #expect(mine.take(key, clientSide: 0, began: time) == nil)
    }
    // Many announcements push out no others than old ones.
    for port in 1...5000 { mine.announce(key.addressB, UInt16(port), key, now: Int64(100 + port)) }
    var last = key
    last.portB = 5000
    #expect(yours.take(last, clientSide: 0, began: 10_000) != nil)
    #expect(MemoryLayout<AnnouncedTransfer>.size <= AnnouncedTransfer.byteCount)
    #expect(MemoryLayout<AnnouncedTransfer>.offset(of: \.version) == 0)
  }
}
