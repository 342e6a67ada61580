import Foundation
import Testing

@testable import Dissection

/// A conversation of texts, said in segments of any size, with or without holes.
struct Dialogue {
  enum Turn {
    case client(String)
    case server(String)
    case clientBytes([UInt8])
    case serverBytes([UInt8])

    var isToServer: Bool {
      switch self {
      case .client, .clientBytes: true
      case .server, .serverBytes: false
      }
    }

    var bytes: [UInt8] {
      switch self {
      case .client(let text), .server(let text):
        Array(text.replacingOccurrences(of: "\n", with: "\r\n").utf8)
      case .clientBytes(let bytes), .serverBytes(let bytes): bytes
      }
    }
  }

  let port: Int
  let turns: [Turn]
  var from = 40_000

  /// Records of a type, without what depends on how the bytes were cut.
  func records(
    _ type: String, size: Int = 1460, settings: DissectionSettings = DissectionSettings(),
    closes: Bool = true
  ) -> [[String: Any]] {
    let bed = DissectionBed(settings)
    say(on: bed, size: size, closes: closes)
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return Self.plain(bed.records(type))
  }

  func say(on bed: DissectionBed, size: Int = 1460, closes: Bool = true) {
    let wire = Wire(on: bed, to: port, from: from)
    wire.handshake()
    for turn in turns { wire.send(turn.bytes, toServer: turn.isToServer, size: size) }
    if closes { wire.close() }
  }

  static func plain(_ records: [[String: Any]]) -> [[String: Any]] {
    records.map { record in
      record.filter { !["timestamp", "pcap_cnt", "flow_id"].contains($0.key) }
    }
  }

  static func text(_ records: [[String: Any]]) -> String {
    records.map { record in
      let data = try? JSONSerialization.data(withJSONObject: record, options: [.sortedKeys])
      return String(decoding: data ?? Data(), as: UTF8.self)
    }.joined(separator: "\n")
  }

  /// However it is cut, the records are the same.
  func isCutAnywhere(_ type: String, settings: DissectionSettings = DissectionSettings()) {
    let whole = Self.text(records(type, settings: settings))
    #expect(!whole.isEmpty)
    for size in [1, 2, 3, 7, 64, 513] {
      #expect(Self.text(records(type, size: size, settings: settings)) == whole, "size \(size)")
    }
  }

  /// Loses each turn once, in whole and by its second half, and ends after each: nothing is held, and
  /// nothing traps.
  func survivesHoles(settings: DissectionSettings = DissectionSettings()) {
    for lost in turns.indices {
      for part in [1, 2] {
        let bed = DissectionBed(settings)
        let wire = Wire(on: bed, to: port, from: from)
        wire.handshake()
        for (place, turn) in turns.enumerated() {
          let bytes = turn.bytes
          if place == lost {
            let kept = part == 1 ? 0 : bytes.count / 2
            wire.send(Array(bytes.prefix(kept)), toServer: turn.isToServer)
            wire.lose(bytes.count - kept, toServer: turn.isToServer)
          } else {
            wire.send(bytes, toServer: turn.isToServer)
          }
        }
        bed.finish()
        #expect(bed.buffersInUse == 0 && bed.statesInUse == 0, "turn \(lost)")
      }
    }
  }

  /// Breaks off behind each of its bytes.
  func survivesEnds(settings: DissectionSettings = DissectionSettings(), step: Int = 1) {
    let bed = DissectionBed(settings)
    let all = turns.flatMap { turn in turn.bytes.map { (turn.isToServer, $0) } }
    var port = 20_000
    for end in stride(from: 0, to: all.count, by: step) {
      let wire = Wire(on: bed, to: self.port, from: port)
      port += 1
      wire.handshake()
      var start = 0
      while start < end {
        var stop = start
        while stop < end && all[stop].0 == all[start].0 { stop += 1 }
        wire.send(all[start..<stop].map(\.1), toServer: all[start].0)
        start = stop
      }
      wire.segment(toServer: true, flags: 0x14)
    }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }
}

/// What a record has at a path: `smtp.rcpt_to.0`.
func at(_ record: [String: Any]?, _ path: String) -> Any? {
  var value: Any? = record
  for part in path.split(separator: ".") {
    if let object = value as? [String: Any] {
      value = object[String(part)]
    } else if let array = value as? [Any], let index = Int(part), array.indices.contains(index) {
      value = array[index]
    } else {
      return nil
    }
  }
  return value
}

func text(_ record: [String: Any]?, _ path: String) -> String? { at(record, path) as? String }
