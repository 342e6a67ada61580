/// Why a record becomes no syslog message.
enum SyslogRefusal {
  static func tooLong(_ bytes: Int, limit: Int) -> DeliveryOutcome {
    .refused("a message of \(bytes) bytes, and the limit is \(limit)")
  }
}
