/// Which fields a data record has: a template for each shape that flows come in, so that no record
/// carries a field that its flow does not have.
struct FlowShape: OptionSet, Hashable {
  var rawValue: UInt16

  static let ipv6 = FlowShape(rawValue: 1 << 0)
  static let ports = FlowShape(rawValue: 1 << 1)
  static let tcp = FlowShape(rawValue: 1 << 2)
  static let icmp = FlowShape(rawValue: 1 << 3)
  static let vlan = FlowShape(rawValue: 1 << 4)
  static let macs = FlowShape(rawValue: 1 << 5)
  static let interface = FlowShape(rawValue: 1 << 6)
  static let application = FlowShape(rawValue: 1 << 7)
  /// Both directions (RFC 5103).
  static let biflow = FlowShape(rawValue: 1 << 8)
  /// NetFlow v9: times since 1970, where the exporter's uptime does not reach as far back.
  static let absoluteTimes = FlowShape(rawValue: 1 << 9)

  /// The template's number: the same for a shape in every run. 256 to 1,279.
  var templateID: UInt16 { 256 + rawValue }

  /// The first number behind those of all shapes.
  static let endOfTemplateIDs: UInt16 = 256 + 1 << 10

  /// The fields in the order of the record.
  ///
  /// The reverse ones come first: nfcapd 1.7.1 takes RFC 5103's reverse tcpControlBits for the
  /// forward ones, and the later of two wins.
  func elements(_ settings: FlowExportSettings) -> [InformationElement] {
    var elements: [InformationElement] = []
    if contains(.biflow) {
      elements += directionElements(settings).map(\.reverse)
      elements.append(InformationElement(239, 1, .biflowDirection))
    }
    if contains(.ipv6) {
      elements.append(InformationElement(27, 16, .sourceAddress))
      elements.append(InformationElement(28, 16, .destinationAddress))
    } else {
      elements.append(InformationElement(8, 4, .sourceAddress))
      elements.append(InformationElement(12, 4, .destinationAddress))
    }
    if contains(.ports) {
      elements.append(InformationElement(7, 2, .sourcePort))
      elements.append(InformationElement(11, 2, .destinationPort))
    }
    elements.append(InformationElement(4, 1, .protocolNumber))
    elements.append(InformationElement(136, 1, .endReason))
    elements += directionElements(settings)
    elements += timeElements(settings)
    elements.append(InformationElement(148, 8, .flowID))
    if contains(.interface) { elements.append(InformationElement(10, 4, .interface)) }
    if contains(.vlan) { elements.append(InformationElement(58, 2, .vlan)) }
    if contains(.macs) {
      elements.append(InformationElement(56, 6, .sourceMAC))
      elements.append(InformationElement(80, 6, .destinationMAC))
    }
    if contains(.application) { elements.append(InformationElement(96, nil, .application)) }
    if let enterprise = settings.enterpriseNumber {
      elements += [
        InformationElement(1, nil, .connectionState, enterprise: enterprise),
        InformationElement(2, nil, .history, enterprise: enterprise),
        InformationElement(3, nil, .communityID, enterprise: enterprise),
        InformationElement(4, 8, .roundTrip, enterprise: enterprise),
        InformationElement(5, 4, .samplingInterval, enterprise: enterprise),
      ]
    }
    return elements
  }

  /// What each direction has of its own.
  private func directionElements(_ settings: FlowExportSettings) -> [InformationElement] {
    var elements = [InformationElement(2, 8, .packets), InformationElement(1, 8, .octets)]
    if settings.exportProtocol == .ipfix {
      elements.append(InformationElement(352, 8, .frameOctets))
    }
    if contains(.tcp) { elements.append(InformationElement(6, 1, .tcpFlags)) }
    elements.append(InformationElement(5, 1, .classOfService))
    elements.append(InformationElement(192, 1, .timeToLive))
    if contains(.icmp) {
      // NetFlow v9's one ICMP_TYPE is of both versions.
      let id: UInt16 = contains(.ipv6) && settings.exportProtocol == .ipfix ? 139 : 32
      elements.append(InformationElement(id, 2, .icmp))
    }
    return elements
  }

  private func timeElements(_ settings: FlowExportSettings) -> [InformationElement] {
    if settings.exportProtocol == .netflow9 && !contains(.absoluteTimes) {
      return [InformationElement(22, 4, .startUptime), InformationElement(21, 4, .endUptime)]
    }
    return switch settings.timeUnit {
    case .milliseconds:
      [
        InformationElement(152, 8, .startMilliseconds),
        InformationElement(153, 8, .endMilliseconds),
      ]
    case .nanoseconds: [InformationElement(156, 8, .startNTP), InformationElement(157, 8, .endNTP)]
    }
  }
}
