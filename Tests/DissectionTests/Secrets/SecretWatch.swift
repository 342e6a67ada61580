import FlowEngine
import Foundation
import Records
import Testing

@testable import Dissection

/// Looks for a secret in everything that a bed gives: tokens of all records, hidden ones too, EVE's lines and
/// the lines of Zeek's logs.
final class SecretWatch {
  /// Told apart from anything else in a record even by a few of its bytes, whatever their case.
  static let secret = "zQ7xK9wV3jR5"
  static let base64 = Data("joe\0joe\0\(secret)".utf8).base64EncodedString()
  static let basic = Data("joe:\(secret)".utf8).base64EncodedString()
  static let plain64 = Data(secret.utf8).base64EncodedString()

  /// So many bytes of a secret in a row are not there by chance.
  private static let traces: [[UInt8]] = {
    var all: [[UInt8]] = []
    let wire: [(String, Int)] = [(secret, 4), (base64, 8), (basic, 8), (plain64, 6)]
    for (text, length) in wire {
      // What stands before the secret in base64 is the user's.
      let start = text == base64 ? 12 : text == basic ? 8 : 0
      let bytes = Array(text.lowercased().utf8.dropFirst(start).prefix { $0 != 0x3d })
      for place in 0...(bytes.count - length) {
        all.append(Array(bytes[place..<place + length]))
      }
    }
    return all
  }()

  private var logs: EventLogs
  private(set) var leaks: Set<String> = []
  private(set) var records = 0

  init(_ bed: DissectionBed) {
    var context = RecordContext(
      sensorName: "test", startEpochNanoseconds: 0, portNames: [], includesSequence: false)
    context.events = Dissection.schema
    logs = EventLogs(context)
    bed.onEvent = { [unowned self] record in
      records += 1
      look(record.tokens)
      _ = logs.take(record)
    }
  }

  /// Everything has ended: the texts that were written are looked at, too.
  func finish(_ bed: DissectionBed) {
    logs.finish()
    for lines in logs.lines { lines.bytes.withUnsafeBytes { look($0) } }
    for line in bed.lines { Array(line.utf8).withUnsafeBytes { look($0) } }
    bed.onEvent = nil
  }

  private func look(_ bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty else { return }
    let text = bytes.map(Bytes.lowercase)
    let found = text.withUnsafeBufferPointer { text in
      Self.traces.compactMap { trace in
        trace.withUnsafeBufferPointer { trace -> Int? in
          guard let start = text.baseAddress, let wanted = trace.baseAddress else { return nil }
          return Bytes(start, text.count).firstIndex(of: Bytes(wanted, trace.count))
        }
      }.first
    }
    guard let found else { return }
    let around = bytes[max(found - 60, 0)..<min(found + 40, bytes.count)]
    leaks.insert(
      String(decoding: around.map { $0 < 0x20 || $0 > 0x7e ? 0x2e : $0 }, as: UTF8.self))
  }
}

/// Ways in which a conversation may come by.
struct SecretScene {
  let name: String
  let port: Int
  var isUDP = false
  let turns: [Dialogue.Turn]
  /// Whether cutting, losing and reordering is tried, too.
  var isStream: Bool { !isUDP }

  /// What was said is changed by nothing but its case.
  var lowercase: SecretScene {
    let lower: ([UInt8]) -> [UInt8] = { $0.map(Bytes.lowercase) }
    return with(
      name + ", lower case",
      turns.map { turn in
        switch turn {
        case .client(let text): .client(text.lowercased())
        case .server(let text): .server(text.lowercased())
        case .clientBytes(let bytes): .clientBytes(lower(bytes))
        case .serverBytes(let bytes): .serverBytes(lower(bytes))
        }
      })
  }

  /// All that the client says comes before any answer but the greeting.
  var pipelined: SecretScene {
    let greeting = turns.prefix { !$0.isToServer }
    let rest = turns.dropFirst(greeting.count)
    return with(
      name + ", pipelined",
      greeting + rest.filter(\.isToServer) + rest.filter { !$0.isToServer })
  }

  /// A server that repeats each line of the client's in its answer: `%` in it; `@` is the line's first word.
  func echoed(_ answer: String) -> SecretScene {
    let greeting = turns.prefix { !$0.isToServer }
    var said = Array(greeting)
    for turn in turns.dropFirst(greeting.count) where turn.isToServer {
      said.append(turn)
      let lines = String(decoding: turn.bytes, as: UTF8.self).split(separator: "\r\n")
      for line in lines {
        let tag = line.split(separator: " ").first.map(String.init) ?? ""
        let text = answer.replacingOccurrences(of: "@", with: tag)
          .replacingOccurrences(of: "%", with: line)
        said.append(.serverBytes(Array((text + "\r\n").utf8)))
      }
    }
    return with(name + ", echoed", said)
  }

  func with(_ name: String, _ turns: [Dialogue.Turn]) -> SecretScene {
    SecretScene(name: name, port: port, isUDP: isUDP, turns: turns)
  }

  /// What a way of playing it may lose or leave out.
  struct Way {
    var size = 1460
    /// Bytes of the conversation that are lost.
    var lost: Range<Int> = 0..<0
    /// Where it ends.
    var end = Int.max
    /// Turns before this one were not seen, and neither was the handshake.
    var firstTurn = 0
  }

  func play(_ way: Way = Way(), _ settings: DissectionSettings) -> (leaks: Set<String>, count: Int)
  {
    let bed = DissectionBed(settings, flows: 8)
    let watch = SecretWatch(bed)
    let wire = Wire(on: bed, to: port)
    if isUDP {
      for turn in turns { wire.datagram(turn.bytes, toServer: turn.isToServer) }
    } else {
      playStream(way, wire)
    }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    watch.finish(bed)
    return (watch.leaks, watch.records)
  }

  private func playStream(_ way: Way, _ wire: Wire) {
    if way.firstTurn == 0 { wire.handshake() }
    var start = 0
    for (number, turn) in turns.enumerated() {
      let bytes = turn.bytes
      let here = start..<start + bytes.count
      start = here.upperBound
      if number < way.firstTurn { continue }
      let isLost = { (place: Int) in way.lost.contains(place) }
      var place = here.lowerBound
      while place < min(here.upperBound, way.end) {
        let lost = isLost(place)
        var stop = place
        while stop < min(here.upperBound, way.end), isLost(stop) == lost { stop += 1 }
        let piece = Array(bytes[place - here.lowerBound..<stop - here.lowerBound])
        if lost {
          wire.lose(piece.count, toServer: turn.isToServer)
        } else {
          wire.send(piece, toServer: turn.isToServer, size: way.size)
        }
        place = stop
      }
      if way.end < start { break }
    }
    wire.close()
  }

  /// Where turns begin, and the end of the last one.
  var marks: [Int] {
    turns.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.bytes.count) }
  }

  /// Every way of playing it.
  var ways: [Way] {
    guard isStream else { return [Way()] }
    var ways = [Way(size: 1460), Way(size: 1), Way(size: 3)]
    let marks = marks
    for (number, start) in marks.dropLast().enumerated() {
      let end = marks[number + 1]
      let middle = (start + end) / 2
      ways += [
        Way(lost: start..<end), Way(lost: start..<middle), Way(lost: middle..<end),
        Way(lost: start..<min(start + 5, end)), Way(lost: max(end - 3, start)..<end),
        Way(end: middle), Way(end: end), Way(end: max(end - 2, start)),
        Way(firstTurn: number),
      ]
    }
    return ways
  }
}
