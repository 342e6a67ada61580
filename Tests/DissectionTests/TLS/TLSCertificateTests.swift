import Testing

@testable import Dissection

@Suite struct TLSCertificateTests {
  private func read<Result>(_ bytes: [UInt8], _ body: (Bytes) -> Result) -> Result {
    bytes.withUnsafeBufferPointer { body(Bytes($0.baseAddress!, $0.count)) }
  }

  private func name(_ parts: [(oid: [UInt8], tag: UInt8, value: [UInt8])]) -> String {
    let certificate = TLSWire.certificate(subject: TLSWire.name(parts))
    return read(certificate) { bytes in
      withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { memory in
        var text = BoundedText(memory.baseAddress!, capacity: 4096)
        X509Name.write(X509Certificate(bytes).subject, to: &text)
        return String(
          decoding: UnsafeBufferPointer(start: text.bytes.base, count: text.count), as: UTF8.self)
      }
    }
  }

  @Test func textsOfEveryKind() {
    let cn = TLSWire.cn
    #expect(name([(cn, 0x1e, [0, 0x41, 0, 0xe4, 0xd8, 0x3d, 0xdc, 0x26])]) == "CN=Aä🐦")
    #expect(name([(cn, 0x1c, [0, 0, 0, 0x41, 0, 0, 0x20, 0xac])]) == "CN=A€")
    #expect(name([(cn, 0x14, [0x4d, 0xfc])]) == "CN=Mü")
    #expect(name([(cn, 0x14, Array("Mü".utf8))]) == "CN=Mü")
    #expect(name([(cn, 0x03, [0, 0xab])]) == "CN=#00ab")
    #expect(name([(cn, 0x1e, [0xd8, 0])]) == "CN=\u{fffd}")
    #expect(name([([0x55, 4, 100], 0x0c, [0x61])]) == "2.5.4.100=a")
    #expect(name([([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], 0x16, [0x61])]) == "Email=a")
    #expect(
      name([
        ([9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 0x19], 0x16, [0x61]), (cn, 0x0c, []),
      ])
        == "DC=a, CN=")
  }

  @Test(arguments: [
    (0x17, "700101000000Z", 0), (0x17, "691231235959Z", 3_155_759_999),
    (0x17, "500101000000Z", -631_152_000), (0x18, "19691231235959Z", -1),
    (0x18, "20000229120000Z", 951_825_600), (0x17, "0002291200+0130", 951_820_200),
    (0x18, "20000229120000.123Z", 951_825_600),
  ])
  func times(tag: Int, text: String, seconds: Int64) {
    let bytes = TLSWire.der(UInt8(tag), Array(text.utf8))
    let found = read(bytes) { bytes -> Int64? in
      var reader = BERReader(bytes)
      return reader.next().flatMap(X509Time.seconds)
    }
    // Years of two digits from 50 on are of the last century.
    #expect(found == (text == "691231235959Z" ? -1 : seconds))
  }

  @Test(arguments: ["7001010000", "701301000000Z", "7001", "", "aaaaaaaaaaaaZ", "700101250000Z"])
  func noTimes(text: String) {
    let found = read(TLSWire.der(0x17, Array(text.utf8))) { bytes -> Int64? in
      var reader = BERReader(bytes)
      return reader.next().flatMap(X509Time.seconds)
    }
    #expect(found == (text == "7001010000" ? 0 : nil))
  }

  @Test func hosts() {
    func matches(_ names: [String], _ host: String, common: String = "other.example") -> Bool {
      let list = names.flatMap { TLSWire.der(0x82, Array($0.utf8)) }
      let certificate = TLSWire.certificate(subject: TLSWire.name(common), names: list)
      return read(certificate) { bytes in
        read(Array(host.utf8)) { X509Host.matches(X509Certificate(bytes), $0) }
      }
    }
    #expect(matches(["a.example"], "A.EXAMPLE"))
    #expect(matches(["*.a.example"], "b.a.example."))
    #expect(!matches(["*.a.example"], "a.example"))
    #expect(!matches(["*.a.example"], "c.b.a.example"))
    #expect(matches([], "other.example"))
    #expect(!matches(["a.example"], "other.example"))
  }

  /// At every length, and with each byte changed: nothing traps.
  @Test func cutsAndChanges() {
    let whole = TLSWire.certificate(
      subject: TLSWire.name("a.example"), names: TLSWire.der(0x82, Array("a.example".utf8)))
    for count in 1..<whole.count {
      read(Array(whole.prefix(count))) { bytes in
        let certificate = X509Certificate(bytes)
        #expect(certificate.isMalformed || count > whole.count - 300)
        _ = X509Host.matches(certificate, Bytes("a.example"))
      }
      for value in [UInt8(0), 0x80, 0x84, 0xff] {
        var changed = whole
        changed[count] = value
        read(changed) { _ = X509Certificate($0) }
      }
    }
    read(whole) { bytes in
      let certificate = X509Certificate(bytes)
      #expect(!certificate.isMalformed && certificate.keyBits == 2048)
    }
  }
}
