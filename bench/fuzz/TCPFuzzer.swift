// The TCP tracker: segments of four connections, near to what each side says next or far from it.
//
// | shape 1 | then for each: who 1, flags 1, sequence 2, acknowledgement 2, window 2, payload 1,
//   oddities 1, options |
//
//     who       bits 0-1 connection (the last one IPv6), 2 sender, 3-5 how time goes on, 6 tunnel, 7 VLAN
//     sequence  how far from the one that follows; with far numbers, times 65,536
//     oddities  bits 0-2 words of options that follow, 3 far numbers, 4 wrong checksum, 5 a header length
//               that lies, 6 cut behind the ports, 7 payload times eight

import FlowEngine

enum TCPFuzzer {
  /// What one connection has come to.
  private struct Connection {
    var next: (UInt32, UInt32) = (0xffff_8000, 0x0000_8000)
  }

  static func run(_ bytes: UnsafeBufferPointer<UInt8>) {
    var input = FuzzInput(bytes)
    let shape = FuzzShape(input.byte())
    var frames: [FuzzFrame] = []
    var connections = [Connection](repeating: Connection(), count: 4)
    var time: UInt64 = 1 << 60
    var isFar = false
    var syns: UInt64 = 1
    while !input.isAtEnd && frames.count < 600 {
      let who = input.byte()
      let flags = input.byte()
      let offsets = (Int16(bitPattern: input.word()), Int16(bitPattern: input.word()))
      let window = input.word()
      let size = Int(input.byte())
      let odd = input.byte()
      let options = input.take(Int(odd & 7) * 4)
      let payload = [UInt8](repeating: 0x41, count: odd & 0x80 != 0 ? size * 8 : size)
      let number = Int(who & 3)
      let isBack = who & 4 != 0
      time = Wire.step(time, who >> 3 & 7)
      let mine = isBack ? connections[number].next.1 : connections[number].next.0
      let theirs = isBack ? connections[number].next.0 : connections[number].next.1
      func number32(_ near: UInt32, _ offset: Int16) -> UInt32 {
        let distance = Int32(offset)
        return near &+ UInt32(bitPattern: odd & 8 != 0 ? distance << 16 : distance)
      }
      if odd & 8 != 0 { isFar = true }
      if odd & 0x60 != 0 { isFar = true }
      if flags & TCPFlags.syn != 0 { syns += 1 }
      let sequence = number32(mine, offsets.0)
      var after = sequence &+ UInt32(payload.count)
      if flags & TCPFlags.syn != 0 { after &+= 1 }
      if flags & TCPFlags.fin != 0 { after &+= 1 }
      if isBack { connections[number].next.1 = after } else { connections[number].next.0 = after }
      let words = 5 + options.count / 4
      let ports = [Wire.be16(number == 1 ? 22 : 40_000 + number), Wire.be16(80)]
      var header = (isBack ? ports[1] + ports[0] : ports[0] + ports[1])
      header += Wire.be32(sequence) + Wire.be32(number32(theirs, offsets.1))
      header += [UInt8((odd & 0x20 != 0 ? 15 - words : words) << 4), flags]
      header += Wire.be16(Int(window)) + [0, 0, 0, 0] + options.prefix((words - 5) * 4)
      var frame = frame(header, payload, number, isBack, odd, who)
      frame.time = time
      frames.append(frame)
    }
    FuzzBed.run(frames, shape) { record in
      guard !isFar, record.hot.key.proto == 6 else { return }
      // What is near stays near: no more than the segments had, but for what each may have leapt.
      for end in [record.endpointA, record.endpointB] {
        let bound = syns * (1 << 18) + UInt64(frames.count) * (1 << 15) + end.ipBytes
        precondition(end.payloadBytes <= bound, "payload as far as the numbers went")
        precondition(end.trouble.missedBytes <= bound, "and no more was missed")
      }
    }
  }

  private static func frame(
    _ segment: [UInt8], _ payload: [UInt8], _ number: Int, _ isBack: Bool, _ odd: UInt8,
    _ who: UInt8
  ) -> FuzzFrame {
    var segment = segment
    let isIPv6 = number == 3
    let a: [UInt8] = isIPv6 ? [0, 0, 0, 1] : [10, 0, 0, 1]
    let b: [UInt8] = isIPv6 ? [0, 0, 0, 2] : [10, 0, 0, 2]
    let (source, destination) = isBack ? (b, a) : (a, b)
    let prefix: [UInt8] = isIPv6 ? [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 8) : []
    let pseudo =
      prefix + source + prefix + destination + [0, 6]
      + Wire.be16(segment.count + payload.count)
    var sum = Wire.checksum(pseudo, segment, payload)
    if odd & 0x10 != 0 { sum[0] ^= 0x80 }
    segment.replaceSubrange(16..<18, with: sum)
    var packet =
      isIPv6
      ? Wire.ipv6(6, segment + payload, source: source, destination: destination)
      : Wire.ipv4(6, segment + payload, source: source, destination: destination)
    var type = isIPv6 ? 0x86dd : 0x0800
    if who & 0x40 != 0 {
      packet = Wire.tunnelled(type, packet, key: UInt32(number))
      type = 0x0800
    }
    var frame = FuzzFrame(
      Wire.ethernet(type, packet, tag: who & 0x80 != 0 ? 9 : nil), at: 0)
    if odd & 0x40 != 0 { frame.bytes.removeLast(payload.count + segment.count - 8) }
    return frame
  }
}
