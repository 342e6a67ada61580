internal import Glibc

/// Writes records as syslog messages (RFC 5424 section 6).
///
///     <134>1 2026-11-21T05:36:00.123456+00:00 edge1 martlet 4711 flow
///       [martlet@32473 id="edge1-flow-1763760000000-5" community_id="1:…"] {"timestamp":…}
///
/// (one line). The JSON comes without the byte order mark of section 6.4, which RFC 8259 section
/// 8.1 forbids before JSON and which most receivers would hand on as a part of it: so it is that
/// section's MSG-ANY, and UTF-8 all the same.
struct SyslogMessageWriter {
  /// By event type; all others as ``otherPriority``.
  private let priorities: [String: Int]
  private let otherPriority: Int
  private let application: [UInt8]
  private let element: [UInt8]

  init(settings: SyslogSettings, process: Int32 = getpid()) {
    let facility = settings.facility.code * 8
    priorities = settings.severities.mapValues { facility + $0.code }
    otherPriority = facility + settings.severity.code
    application = Array(" martlet \(process) ".utf8)
    element = Array(" [martlet@\(settings.enterpriseNumber) id=\"".utf8)
  }

  func write(_ record: ForwardRecord, to output: inout [UInt8]) {
    let type = record.stream.type
    output.append(UInt8(ascii: "<"))
    output += String(priorities[type] ?? otherPriority).utf8
    output += ">1 ".utf8
    output += (record.timestamp?.rfc5424 ?? "-").utf8
    output.append(UInt8(ascii: " "))
    Self.header(record.stream.sensor, limit: 255, to: &output)
    output += application
    Self.header(type, limit: 32, to: &output)
    output += element
    Self.value(record.identifier, to: &output)
    output.append(UInt8(ascii: "\""))
    if let communityID = record.communityID {
      output += " community_id=\"".utf8
      Self.value(communityID, to: &output)
      output.append(UInt8(ascii: "\""))
    }
    output += "] ".utf8
    output += record.document.bytes
  }

  /// A field of the header: printable ASCII without spaces, `-` for nothing (section 6).
  private static func header(_ text: String, limit: Int, to output: inout [UInt8]) {
    let start = output.count
    for byte in text.utf8.prefix(limit) {
      output.append((0x21...0x7E).contains(byte) ? byte : UInt8(ascii: "?"))
    }
    if output.count == start { output.append(UInt8(ascii: "-")) }
  }

  /// A parameter's value: `"`, `\` and `]` are escaped (section 6.3.3).
  private static func value(_ text: String, to output: inout [UInt8]) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "]"):
        output.append(UInt8(ascii: "\\"))
      default: break
      }
      output.append(byte)
    }
  }
}
