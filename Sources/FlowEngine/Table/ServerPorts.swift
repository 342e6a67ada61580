/// Ports that servers listen on: where a flow's first packet is not its beginning, they tell which side
/// began it. What is meant are ports that clients do not send from.
enum ServerPorts {
  static func has(_ port: UInt16, proto: UInt8) -> Bool {
    proto == IPProtocol.tcp ? port < 1024 || isTCP(port) : isUDP(port)
  }

  /// IANA's registered ports from 1024 on, as far as they are widely used.
  private static func isTCP(_ port: UInt16) -> Bool {
    switch port {
    case 1080, 1433, 1494, 1521, 1720, 1723, 1883, 2049, 2404, 3128, 3268, 3269, 3306, 3389,
      5060, 5061, 5222, 5223, 5269, 5432, 5671, 5672, 5900, 5985, 5986, 6379, 6443, 6667, 6697,
      8000, 8008, 8080, 8081, 8088, 8443, 8883, 8888, 9042, 9092, 9200, 9300, 9418, 10050, 10051,
      11211, 20000, 27017, 44818, 47808:
      true
    default: false
    }
  }

  private static func isUDP(_ port: UInt16) -> Bool {
    switch port {
    case 53, 67, 69, 88, 111, 123, 137, 161, 389, 443, 500, 514, 547, 623, 853, 1194, 1434, 1645,
      1646, 1812, 1813, 1900, 2049, 3478, 3544, 4500, 5060, 5353, 5355, 5683, 11211, 47808, 51820:
      true
    default: false
    }
  }
}
