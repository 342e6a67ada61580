/// Messages made byte by byte.
enum DNSBuild {
  static func name(_ text: String) -> [UInt8] {
    text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
  }

  static func header(
    id: Int = 0x1234, flags: Int, _ questions: Int, _ answers: Int = 0, _ authorities: Int = 0,
    _ additionals: Int = 0
  ) -> [UInt8] {
    [id, flags, questions, answers, authorities, additionals].flatMap { Wire.be16($0) }
  }

  static func question(_ text: String, _ type: Int = 1, class recordClass: Int = 1) -> [UInt8] {
    name(text) + Wire.be16(type) + Wire.be16(recordClass)
  }

  /// A record whose name is the question's, at byte 12.
  static func record(
    _ type: Int, _ data: [UInt8], ttl: UInt32 = 300, class recordClass: Int = 1,
    name: [UInt8] = [0xc0, 12]
  ) -> [UInt8] {
    name + Wire.be16(type) + Wire.be16(recordClass) + Wire.be32(ttl) + Wire.be16(data.count)
      + data
  }

  static func query(
    _ text: String, _ type: Int = 1, id: Int = 0x1234, additional: [[UInt8]] = []
  ) -> [UInt8] {
    header(id: id, flags: 0x0100, 1, 0, 0, additional.count) + question(text, type)
      + additional.flatMap { $0 }
  }

  static func answer(
    _ text: String, _ type: Int, id: Int = 0x1234, flags: Int = 0x8180, _ records: [[UInt8]],
    authorities: [[UInt8]] = [], additionals: [[UInt8]] = []
  ) -> [UInt8] {
    header(id: id, flags: flags, 1, records.count, authorities.count, additionals.count)
      + question(text, type) + (records + authorities + additionals).flatMap { $0 }
  }

  /// To a question for an address.
  static func answer(
    _ text: String, id: Int = 0x1234, flags: Int = 0x8180, _ records: [[UInt8]],
    authorities: [[UInt8]] = [], additionals: [[UInt8]] = []
  ) -> [UInt8] {
    answer(
      text, 1, id: id, flags: flags, records, authorities: authorities, additionals: additionals)
  }

  /// Behind its length, as over TCP.
  static func framed(_ message: [UInt8]) -> [UInt8] { Wire.be16(message.count) + message }
}
