import FlowEngine
import Foundation
import Testing

@testable import Dissection

struct SignatureTests {
  struct Sample {
    let proto: AppProtocol
    let bytes: [UInt8]
    var isTCP = true
    var isToServer = true
    var port: UInt16 = 4711
  }

  static func probe(
    _ proto: AppProtocol, _ bytes: [UInt8], tcp: Bool = true, toServer: Bool = true,
    port: UInt16 = 4711
  ) -> Probe {
    bytes.withUnsafeBufferPointer {
      let context = ProbeContext(
        isToServer: toServer, isTCP: tcp, serverPort: port, clientPort: 40_000)
      let bytes = $0.baseAddress.map { Bytes($0, bytes.count) } ?? .empty
      return Dissection.probe(proto, bytes, context)
    }
  }

  static func hex(_ text: String) -> [UInt8] {
    let digits = text.filter(\.isHexDigit).map { UInt8($0.hexDigitValue ?? 0) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  static let bind = hex("05000b0310000000480000000100000000000000")
  static let dnp3 = hex("0564 05c0 0100 0a00 e08c")
  static let streams: [Sample] = [
    Sample(proto: .smb, bytes: hex("00000054 ff534d42 72000000")),
    Sample(proto: .smb, bytes: hex("00000054 fe534d42 40000000"), isToServer: false),
    Sample(
      proto: .smb,
      bytes: hex("81000044 20") + [UInt8](repeating: 0x43, count: 32) + hex("00 20")
        + [UInt8](repeating: 0x43, count: 32) + hex("00 00000054 ff534d42")),
    Sample(proto: .smb, bytes: hex("82000000 00000054 ff534d42"), isToServer: false),
    Sample(proto: .dcerpc, bytes: bind),
    Sample(proto: .dcerpc, bytes: hex("05000c07100000004400000001000000"), isToServer: false),
    Sample(proto: .rdp, bytes: hex("03000013 0ee00000000000 0100080003000000")),
    Sample(
      proto: .rdp,
      bytes: hex("0300002a 25e00000000000") + Array("Cookie: mstshash=a\r\n".utf8)),
    Sample(proto: .rdp, bytes: hex("03000013 0ed00000123400 0200080001000000"), isToServer: false),
    Sample(proto: .rdp, bytes: hex("0300000b 06e00000000000"), port: 3389),
    Sample(
      proto: .kerberos,
      bytes: hex("00000020 6a1e301c a103020105 a20302010a a4123010")),
    Sample(
      proto: .kerberos, bytes: hex("00000020 7e1e301c a003020105 a10302011e"), isToServer: false),
    Sample(proto: .ldap, bytes: hex("300c020101 6007020103 04008000")),
    Sample(
      proto: .ldap, bytes: hex("3084000000100201016184000000070a010004000400"), isToServer: false),
    Sample(proto: .ldap, bytes: hex("3025020102 6320 0400 0a0100 0a0100 020100")),
    Sample(
      proto: .nfs,
      bytes: hex("80000028 00000001 00000000 00000002 000186a3 00000003 00000001")),
    Sample(
      proto: .nfs, bytes: hex("80000018 00000001 00000001 00000000 00000000 00000000 00000000"),
      isToServer: false, port: 2049),
    Sample(proto: .modbus, bytes: hex("00010000000601 03 0000 000a")),
    Sample(proto: .modbus, bytes: hex("00010000000501 03 02 0102"), isToServer: false),
    Sample(proto: .modbus, bytes: hex("00010000000301 83 02"), isToServer: false),
    Sample(proto: .modbus, bytes: hex("00010000000601 05 0001 ff00")),
    Sample(proto: .bittorrent, bytes: [19] + Array("BitTorrent protocol".utf8)),
    Sample(proto: .stun, bytes: hex("00010000 2112a442 000102030405060708090a0b")),
    Sample(proto: .stun, bytes: hex("0014 00010000 2112a442 000102030405060708090a0b")),
    Sample(
      proto: .openvpn, bytes: hex("000e 38 a1b2c3d4e5f60718 00 00000000")),
    Sample(proto: .syslog, bytes: Array("<34>1 2003-10-11T22:14:15Z host".utf8)),
    Sample(proto: .syslog, bytes: Array("<34>Oct 11 22:14:15 host su: x".utf8)),
    Sample(proto: .syslog, bytes: Array("<167>2016-05-24T09:50:52.9+02:00 a b".utf8)),
    Sample(proto: .syslog, bytes: Array("52 <34>1 2003-10-11T22:14:15Z host".utf8)),
    Sample(proto: .mqtt, bytes: MQTTTests.connect),
    Sample(proto: .mqtt, bytes: hex("20020000"), isToServer: false),
    Sample(proto: .sip, bytes: Array("INVITE sip:a@b SIP/2.0\r\n".utf8)),
    Sample(proto: .sip, bytes: Array("SIP/2.0 200 OK\r\n".utf8), isToServer: false),
  ]

  @Test func streamsAreToldByTheirFirstBytes() {
    for sample in Self.streams + [Sample(proto: .dnp3, bytes: Self.checkedDNP3())] {
      func at(_ count: Int) -> Probe {
        Self.probe(
          sample.proto, Array(sample.bytes.prefix(count)), toServer: sample.isToServer,
          port: sample.port)
      }
      #expect(Signatures.isYes(at(sample.bytes.count)), "\(sample.proto) \(sample.bytes)")
      // Nothing that ends too early is excluded, and what was told stays told.
      var wasYes = false
      for count in 1..<sample.bytes.count {
        switch at(count) {
        case .no: Issue.record("\(sample.proto) is excluded after \(count) bytes")
        case .maybe: #expect(!wasYes, "\(sample.proto) \(count)")
        case .yes: wasYes = true
        }
      }
    }
  }

  static func checkedDNP3() -> [UInt8] {
    let head = hex("056405c001000a00")
    var crc: UInt16 = 0
    for byte in head {
      crc ^= UInt16(byte)
      for _ in 0..<8 { crc = crc & 1 != 0 ? crc >> 1 ^ 0xa6bc : crc >> 1 }
    }
    return head + [UInt8(~crc & 0xff), UInt8(~crc >> 8)]
  }

  static let datagrams: [Sample] = [
    Sample(proto: .stun, bytes: hex("01010000 2112a442 000102030405060708090a0b")),
    Sample(proto: .stun, bytes: hex("00010000 11223344 000102030405060708090a0b")),
    Sample(
      proto: .stun, bytes: hex("01010008 11223344 000102030405060708090a0b 0003000400000000")),
    Sample(proto: .rtcp, bytes: hex("80c80006 00000001") + [UInt8](repeating: 7, count: 20)),
    Sample(
      proto: .rtcp,
      bytes: hex("80c90001 00000001 81ca0003 00000001 0103616263000000")),
    Sample(proto: .wireguard, bytes: hex("01000000 11223344") + [UInt8](repeating: 9, count: 140)),
    Sample(proto: .wireguard, bytes: hex("02000000 11223344") + [UInt8](repeating: 9, count: 84)),
    Sample(
      proto: .wireguard,
      bytes: hex("04000000 11223344 0700000000000000") + [UInt8](repeating: 9, count: 32)),
    Sample(proto: .openvpn, bytes: hex("38 a1b2c3d4e5f60718 00 00000000")),
    Sample(
      proto: .openvpn,
      bytes: hex("40 a1b2c3d4e5f60718 01 00000000 b1b2b3b4b5b6b7b8 00000000")),
    Sample(
      proto: .openvpn,
      bytes: hex("38 a1b2c3d4e5f60718") + [UInt8](repeating: 5, count: 20)
        + hex("00000001 60000000 00 00000000")),
    Sample(
      proto: .openvpn,
      bytes: hex("38 a1b2c3d4e5f60718 00000001 60000000") + [UInt8](repeating: 5, count: 37)),
    Sample(
      proto: .bittorrent,
      bytes: Array("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe".utf8)),
    Sample(proto: .bittorrent, bytes: hex("0000041727101980 00000000 12345678")),
    Sample(proto: .bittorrent, bytes: hex("41005302 10eeb2f0 00000000 00100000 e7f50000")),
    Sample(proto: .nfs, bytes: hex("00000001 00000000 00000002 000186a3 00000003 00000001")),
    Sample(proto: .kerberos, bytes: hex("6c1e301c a103020105 a20302010c")),
    Sample(proto: .ldap, bytes: hex("3025020102 6320 0400 0a0100 0a0100 020100")),
    Sample(proto: .syslog, bytes: Array("<34>su: failed\n".utf8)),
    Sample(proto: .snmp, bytes: SNMPTests.v2(0xa0)),
    Sample(proto: .sip, bytes: Array("REGISTER sip:a SIP/2.0\r\n".utf8)),
    Sample(
      proto: .dcerpc,
      bytes: hex("04000800100000 00") + [UInt8](repeating: 1, count: 66) + hex("0400 0000 00 00")
        + [1, 2, 3, 4]),
    Sample(
      proto: .smb,
      bytes: hex("110a0001 0a000001 008a 00bb 0000 20") + [UInt8](repeating: 0x43, count: 67)
        + hex("ff534d42 25")),
    Sample(
      proto: .rdp,
      bytes: hex("ffffffff 0040 1801 bbff5687 04d0 04d0") + [UInt8](repeating: 0, count: 1216)),
  ]

  @Test func datagramsAreToldByTheirContent() {
    for sample in Self.datagrams {
      #expect(
        Signatures.isYes(Self.probe(sample.proto, sample.bytes, tcp: false)),
        "\(sample.proto) \(sample.bytes)")
    }
  }

  @Test func nothingIsTakenForAnythingElse() {
    let all = Self.streams.map { ($0, true) } + Self.datagrams.map { ($0, false) }
    for (sample, isTCP) in all {
      for proto in AppProtocol.allCases where proto != sample.proto {
        guard Self.owned.contains(proto) else { continue }
        let isYes = Signatures.isYes(
          Self.probe(
            proto, sample.bytes, tcp: isTCP, toServer: sample.isToServer, port: sample.port))
        #expect(!isYes, "\(sample.proto) is taken for \(proto)")
      }
    }
  }

  static let owned: Set<AppProtocol> = [
    .bittorrent, .dcerpc, .dnp3, .kerberos, .ldap, .modbus, .mqtt, .nfs, .openvpn, .rdp, .rtcp,
    .sip, .smb, .snmp, .stun, .syslog, .wireguard,
  ]

  @Test func randomBytesAreNothing() {
    var generator = SplitMix(state: 11)
    for round in 0..<4000 {
      let count = [8, 20, 92, 148, 300][round % 5]
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      for proto in Self.owned {
        #expect(!Signatures.isYes(Self.probe(proto, bytes)), "\(proto) \(bytes)")
        #expect(!Signatures.isYes(Self.probe(proto, bytes, tcp: false)), "\(proto) \(bytes)")
      }
    }
  }

  // MARK: RTP

  static func rtp(_ sequence: Int, source: UInt32 = 77) -> [UInt8] {
    [0x80, 0x60] + Wire.be16(sequence) + Wire.be32(UInt32(sequence * 160)) + Wire.be32(source)
      + [UInt8](repeating: 0xd5, count: 40)
  }

  static func protocolOf(_ datagrams: [(Bool, [UInt8])], to port: Int = 20_000) -> String? {
    let bed = DissectionBed(flows: 64)
    let wire = Wire(on: bed, to: port)
    for (toServer, bytes) in datagrams { wire.datagram(bytes, toServer: toServer) }
    bed.finish()
    #expect(bed.statesInUse == 0)
    return bed.records("flow").first?["app_proto"] as? String
  }

  @Test func evidenceAndStatesFit() {
    #expect(MemoryLayout<RTPEvidence>.size <= FlowState.ownBytes)
    #expect(MemoryLayout<SNMPDatagrams.State>.size <= FlowState.ownBytes)
    #expect(MemoryLayout<SIPStream.State>.size <= FlowState.ownBytes)
  }

  @Test func rtpIsTwoDatagramsOfOneSource() {
    #expect(Self.protocolOf([(true, Self.rtp(1)), (true, Self.rtp(2))]) == "rtp")
    #expect(
      Self.protocolOf([
        (true, Self.rtp(1)), (false, Self.rtp(900, source: 5)), (true, Self.rtp(3)),
      ]) == "rtp")
    #expect(Self.protocolOf([(true, Self.rtp(1))]) == "failed")
    #expect(Self.protocolOf([(true, Self.rtp(1)), (true, Self.rtp(1))]) == "failed")
    #expect(Self.protocolOf([(true, Self.rtp(1)), (true, Self.rtp(500))]) == "failed")
    #expect(Self.protocolOf([(true, Self.rtp(1)), (true, Self.rtp(2, source: 78))]) == "failed")
    #expect(Self.protocolOf([(true, Self.rtp(1)), (false, Self.rtp(2))]) == "failed")
    #expect(Self.protocolOf([(true, Self.rtp(1)), (true, Self.rtp(2))], to: 53) == "failed")
  }
}

struct BERTests {
  static func read<T>(_ bytes: [UInt8], _ body: (inout BERReader) -> T) -> T {
    bytes.withUnsafeBufferPointer {
      var reader = BERReader($0.baseAddress.map { Bytes($0, bytes.count) } ?? .empty)
      return body(&reader)
    }
  }

  @Test func numbersAndNesting() {
    #expect(Self.read([2, 1, 0xff]) { $0.integer() } == -1)
    #expect(Self.read([2, 2, 1, 0]) { $0.integer() } == 256)
    #expect(Self.read([2, 9] + [UInt8](repeating: 1, count: 9)) { $0.integer() } == nil)
    #expect(Self.read([2, 0]) { $0.integer() } == nil)
    #expect(Self.read([2, 5, 1]) { $0.integer() } == nil)
    #expect(Self.read([2, 0x80, 1]) { $0.integer() } == nil)
    #expect(Self.read([0x30, 0x84, 0xff, 0xff, 0xff, 0xff]) { $0.next()?.content.count } == nil)
    var nested: [UInt8] = [2, 1, 1]
    for _ in 0..<20 { nested = [0x30, UInt8(nested.count)] + nested }
    let depth = Self.read(nested) { reader in
      var depth = 0
      var current = reader
      while let inner = current.enter(0x30) {
        current = inner
        depth += 1
      }
      return depth
    }
    #expect(depth == BERReader.deepest)
  }
}
