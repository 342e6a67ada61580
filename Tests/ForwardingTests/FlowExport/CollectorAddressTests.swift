import Testing

@testable import Forwarding

@Suite("Flow export: where a collector is")
struct CollectorAddressTests {
  @Test(
    "as people write it",
    arguments: [
      ("collector.example:9995", "collector.example", 9995), ("192.0.2.1", "192.0.2.1", 4739),
      ("[2001:db8::1]:2055", "2001:db8::1", 2055), ("[2001:db8::1]", "2001:db8::1", 4739),
      ("2001:db8::1", "2001:db8::1", 4739),
    ])
  func read(_ text: String, _ host: String, _ port: UInt16) throws {
    let address = try #require(CollectorAddress(text, defaultPort: 4739))
    #expect(address.host == host && address.port == port)
  }

  @Test(
    "and not otherwise",
    arguments: [
      "", ":2055", "host:", "host:0", "host:65536", "[::1", "[::1]2055", "[host]:1", "a b",
      "udp://a",
    ])
  func refused(_ text: String) {
    #expect(CollectorAddress(text, defaultPort: 4739) == nil)
  }
}
