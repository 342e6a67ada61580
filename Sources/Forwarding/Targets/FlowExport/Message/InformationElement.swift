/// A field of a template: one of IANA's information elements, which NetFlow v9's field types are up
/// to 127, or an enterprise's.
struct InformationElement: Equatable {
  /// What of a flow it tells.
  enum Value: Equatable {
    case sourceAddress, destinationAddress, sourcePort, destinationPort, protocolNumber
    case octets, frameOctets, packets, tcpFlags, timeToLive, classOfService, icmp
    case startMilliseconds, endMilliseconds, startNTP, endNTP, startUptime, endUptime
    case interface, vlan, sourceMAC, destinationMAC, endReason, flowID, biflowDirection
    case application, connectionState, history, communityID, roundTrip, samplingInterval
  }

  /// RFC 5103 section 6.1: an element under this number is of the other direction.
  static let reverseEnterprise: UInt32 = 29_305

  var id: UInt16
  /// nil: IANA's.
  var enterprise: UInt32?
  /// Length in bytes; nil: variable (RFC 7011 section 7).
  var bytes: UInt16?
  var value: Value

  init(_ id: UInt16, _ bytes: UInt16?, _ value: Value, enterprise: UInt32? = nil) {
    self.id = id
    self.bytes = bytes
    self.value = value
    self.enterprise = enterprise
  }

  var isReverse: Bool { enterprise == Self.reverseEnterprise }

  /// The element of the other direction.
  var reverse: InformationElement {
    InformationElement(id, bytes, value, enterprise: Self.reverseEnterprise)
  }
}
