import CBurst
import ControlAPI
import Ports

/// `--index`: for every flow where its packets stand, a JSON object a line.
///
///     {"version":1,"files":[{"name":"a.pcap","bytes":123}]}
///     {"flow_id":42,"packets":[[0,40,60],[0,116,1514]]}
///
/// A packet is the number of its file, the offset of its first byte in that file as it is when it is
/// decompressed, and how many bytes there are of it.
final class PacketIndex {
  private let file: OutputFile
  private let selection: FlowSelection
  private let packets: UInt64
  /// Two words a packet: offset; file and length.
  private let places: SparseWords

  init(path: String, selection: FlowSelection, packets: UInt64) throws(OutputError) {
    file = try OutputFile(path: path)
    self.selection = selection
    self.packets = packets
    var total: UInt64 = 0
    selection.inOrder(packets: packets) { number in
      selection[number].firstPlace = total
      total += selection[number].packets
    }
    places = try SparseWords(count: Int(total) * 2)
    try places.reserve(Int(total) * 2)
  }

  func note(_ packet: UnsafePointer<martlet_packet>, at location: PacketLocation, flow: Int) {
    let entry = selection[flow]
    guard entry.placed < entry.packets else { return }
    let at = Int(entry.firstPlace + entry.placed) * 2
    places.words[at] = location.offset
    places.words[at + 1] = UInt64(location.file) << 32 | UInt64(packet.pointee.captured_length)
    selection[flow].placed += 1
  }

  var error: OutputError? { file.error }

  func finish(files: [(name: String, bytes: UInt64?)]) {
    let head = JSONValue.object([
      .init("version", .number("1")),
      .init(
        "files",
        .array(
          files.map { file in
            .object([
              .init("name", .string(file.name)),
              .init("bytes", file.bytes.map { .number(String($0)) } ?? .null),
            ])
          })),
    ])
    var text = Array((head.text + "\n").utf8)
    selection.inOrder(packets: packets) { number in
      let entry = selection[number]
      text += "{\"flow_id\":\(entry.flowID),\"packets\":[".utf8
      for place in 0..<Int(entry.placed) {
        let at = (Int(entry.firstPlace) + place) * 2
        let word = places.words[at + 1]
        if place > 0 { text.append(UInt8(ascii: ",")) }
        text += "[\(word >> 32),\(places.words[at]),\(word & 0xffff_ffff)]".utf8
      }
      text += "]}\n".utf8
      if text.count >= OutputFile.pieceBytes {
        file.write(text)
        text.removeAll(keepingCapacity: true)
      }
    }
    file.write(text)
    file.finish()
  }
}
