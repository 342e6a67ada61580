/// Every count a worker keeps, declared once: its name, its group and what it means.
///
/// The raw value is the index into the worker's counter array, so counting is one addition. The
/// groups `nonIP` and `discard` are what ``PacketVerdict`` ends in; conservation adds them up.
package enum Counter: Int, CaseIterable, Sendable {
  // Where packets came from.
  case received
  case receivedBytes
  case handedIn

  // Where they went.
  case countedInFlows
  case countedBytes
  case filtered
  case handedOut
  case heldFragments

  // Not IP, by name.
  case arp
  case lldp
  case spanningTree
  case slowProtocols
  case macControl
  case eapol
  case ptp
  case macsec
  case pppoeDiscovery
  case pppoeControl
  case mplsOther
  case llc
  case otherEthertype
  case pppOther
  case wlanManagement
  case wlanControl
  case wlanNull
  case wlanProtected
  case wlanFragment
  case otherLinkProtocol

  // Discarded, by cause.
  case truncatedEthernet
  case truncatedVLAN
  case truncatedMPLS
  case truncatedPPPoE
  case truncatedIPv4
  case badIPv4Version
  case badIPv4HeaderLength
  case badIPv4TotalLength
  case truncatedIPv6
  case badIPv6Version
  case truncatedIPv6Extension
  case tooManyIPv6Extensions
  case tooManyVLANs
  case tooManyLabels
  case truncatedTCP
  case truncatedUDP
  case truncatedICMP
  case truncatedSCTP
  case truncatedAH
  case ipChecksumDiscarded
  case transportChecksumDiscarded
  case truncatedLinkHeader
  case badLinkHeader
  case unknownLinkType
  case fragmentWithoutFirst
  case handoffRingFull
  case sampledOut

  // Flows.
  case flowsCreated
  case endedIdle
  case endedByProtocol
  case endedForced
  case evicted
  case flowUpdates
  case recordsMade
  case recordsDropped
  case recordsUnpublished
  case flowsLive
  case portsReused
  case detailsNotKept
  case tunnelsNotKept
  case anomalyRecords
  case anomaliesSuppressed

  // What was odd about packets that were counted all the same.
  case ipv4Fragments
  case ipv6Fragments
  case badTCPHeaderLength
  case badUDPLength
  case lengthBeyondFrame
  case ipChecksumBad
  case transportChecksumBad
  case checksumOffloadWrong
  case checksumNotComputed
  case badIPv4Options
  case badInnerVersion
  case badTCPOptions
  case badTCPFlags
  case rstOutsideWindow
  case tcpOutsideWindow
  case finOutsideWindow
  case tcpGap
  case fragmentOverlap
  case fragmentTooLong

  // What dissection found wrong with streams and messages.
  case streamOverlapDiffers
  case streamHeldTooMuch
  case appMessageTooLong
  case appMalformed
  case appMismatch
  case appOneDirection
  case appCompressionLoop
  case appTooManyTransactions
  case appDecompressionBomb
  case appPendingTooLarge
  case appHeadersTooLong

  // What happens to TCP and to datagrams without being wrong.
  case fragmentDuplicates
  case datagramsIncomplete
  case tcpRetransmissions
  case tcpOutOfOrder
  case tcpMissedBytes
  case tcpZeroWindows
  case tcpKeepAlives

  // Dissection.
  case payloadsShown
  case payloadBytesShown
  case dissectedFlows
  case dissectionNoState
  case dissectionNoMemory
  case streamGaps
  case streamGapBytes
  case protocolRecordsMade
  case protocolRecordsDropped
  case dissectionsLive
  case dissectionBufferBytes

  // The worker itself.
  case polls
  case emptyPolls
  case busyTicks
  case sleeps
  case asleepTicks
  case lateWakeUps
  case wakeUps
  case samplingInterval
  case samplingRaised
  case rssChecked
  case rssMismatch
  case timeWentBackwards

  package enum Group: String, Sendable {
    case input, output, nonIP, discard, flows, anomaly, transport, dissection, worker
  }

  package var group: Group {
    switch self {
    case .received, .receivedBytes, .handedIn: .input
    case .countedInFlows, .countedBytes, .filtered, .handedOut, .heldFragments: .output
    case .arp, .lldp, .spanningTree, .slowProtocols, .macControl, .eapol, .ptp, .macsec,
      .pppoeDiscovery, .pppoeControl, .mplsOther, .llc, .otherEthertype, .pppOther, .wlanManagement,
      .wlanControl, .wlanNull, .wlanProtected, .wlanFragment, .otherLinkProtocol:
      .nonIP
    case .truncatedEthernet, .truncatedVLAN, .truncatedMPLS, .truncatedPPPoE, .truncatedIPv4,
      .badIPv4Version, .badIPv4HeaderLength, .badIPv4TotalLength, .truncatedIPv6,
      .badIPv6Version, .truncatedIPv6Extension, .tooManyIPv6Extensions, .tooManyVLANs,
      .tooManyLabels, .truncatedTCP, .truncatedUDP, .truncatedICMP, .truncatedSCTP,
      .truncatedAH, .truncatedLinkHeader, .badLinkHeader, .ipChecksumDiscarded,
      .transportChecksumDiscarded, .unknownLinkType,
      .fragmentWithoutFirst, .handoffRingFull, .sampledOut:
      .discard
    case .flowsCreated, .endedIdle, .endedByProtocol, .endedForced, .evicted, .flowUpdates,
      .recordsMade, .recordsDropped, .recordsUnpublished, .flowsLive, .portsReused, .detailsNotKept,
      .tunnelsNotKept, .anomalyRecords, .anomaliesSuppressed:
      .flows
    case .ipv4Fragments, .ipv6Fragments, .badTCPHeaderLength, .badUDPLength, .lengthBeyondFrame,
      .ipChecksumBad, .transportChecksumBad, .checksumOffloadWrong, .checksumNotComputed,
      .badIPv4Options, .badInnerVersion, .badTCPOptions, .badTCPFlags, .rstOutsideWindow,
      .tcpOutsideWindow, .finOutsideWindow, .tcpGap, .fragmentOverlap, .fragmentTooLong,
      .streamOverlapDiffers, .streamHeldTooMuch, .appMessageTooLong, .appMalformed, .appMismatch,
      .appOneDirection, .appCompressionLoop, .appTooManyTransactions, .appDecompressionBomb,
      .appPendingTooLarge, .appHeadersTooLong:
      .anomaly
    case .payloadsShown, .payloadBytesShown, .dissectedFlows, .dissectionNoState,
      .dissectionNoMemory, .streamGaps, .streamGapBytes, .protocolRecordsMade,
      .protocolRecordsDropped, .dissectionsLive, .dissectionBufferBytes:
      .dissection
    case .fragmentDuplicates, .datagramsIncomplete, .tcpRetransmissions, .tcpOutOfOrder,
      .tcpMissedBytes, .tcpZeroWindows, .tcpKeepAlives:
      .transport
    case .polls, .emptyPolls, .busyTicks, .sleeps, .asleepTicks, .lateWakeUps, .wakeUps,
      .samplingInterval, .samplingRaised,
      .rssChecked, .rssMismatch, .timeWentBackwards:
      .worker
    }
  }

  /// One line for the operator.
  package var meaning: String {
    switch self {
    case .received: "packets taken from the worker's receive queues"
    case .receivedBytes: "bytes on the wire of those packets"
    case .handedIn: "packets taken over from other workers"
    case .countedInFlows: "packets counted in flows"
    case .countedBytes: "bytes on the wire of those packets"
    case .filtered: "packets that a filter dropped"
    case .handedOut: "packets given to the worker that owns their flow"
    case .heldFragments: "fragments waiting for the one that carries the ports, just now"
    case .arp: "ARP and RARP"
    case .lldp: "LLDP"
    case .spanningTree: "spanning tree (802.1D, 802.1Q)"
    case .slowProtocols: "LACP, OAM and other slow protocols"
    case .macControl: "MAC control (PAUSE, PFC)"
    case .eapol: "EAPOL"
    case .ptp: "PTP over Ethernet"
    case .macsec: "MACsec, whose payload is encrypted"
    case .pppoeDiscovery: "PPPoE discovery"
    case .pppoeControl: "PPPoE sessions' control protocols (LCP, IPCP …)"
    case .mplsOther:
      "MPLS with neither IP nor an Ethernet frame inside, or one that is not looked into"
    case .llc: "other 802.3 LLC frames"
    case .otherEthertype: "any other Ethertype"
    case .pppOther: "PPP with neither IP nor MPLS (LCP, IPCP, compressed …)"
    case .wlanManagement: "802.11 management frames"
    case .wlanControl: "802.11 control frames"
    case .wlanNull: "802.11 data frames without data"
    case .wlanProtected: "802.11 data frames whose payload is encrypted"
    case .wlanFragment: "802.11 data frames that go on with another one's packet"
    case .otherLinkProtocol: "other protocols than IP on link types without Ethertypes"
    case .truncatedEthernet: "frame shorter than an Ethernet header"
    case .truncatedVLAN: "frame ends within a VLAN tag"
    case .truncatedMPLS: "frame ends within an MPLS stack"
    case .truncatedPPPoE: "frame ends within a PPPoE header"
    case .truncatedIPv4: "frame ends within the IPv4 header"
    case .badIPv4Version: "IPv4 by Ethertype, another version by header"
    case .badIPv4HeaderLength: "IPv4 header length below 20"
    case .badIPv4TotalLength: "IPv4 total length below the header's"
    case .truncatedIPv6: "frame ends within the IPv6 header"
    case .badIPv6Version: "IPv6 by Ethertype, another version by header"
    case .truncatedIPv6Extension: "frame ends within an IPv6 extension header"
    case .tooManyIPv6Extensions: "more IPv6 extension headers than the limit"
    case .tooManyVLANs: "more VLAN tags than the limit"
    case .tooManyLabels: "more MPLS labels than the limit"
    case .truncatedTCP: "the ports of TCP are not in the frame"
    case .truncatedUDP: "the ports of UDP are not in the frame"
    case .truncatedICMP: "type and code of ICMP are not in the frame"
    case .truncatedSCTP: "the ports of SCTP are not in the frame"
    case .truncatedAH: "frame ends within an authentication header"
    case .ipChecksumDiscarded: "discarded because their IPv4 header checksum is wrong"
    case .transportChecksumDiscarded:
      "discarded because their TCP, UDP, ICMP or SCTP checksum is wrong"
    case .truncatedLinkHeader: "frame ends within its link layer's header, which is not Ethernet's"
    case .badLinkHeader: "link layer's header, not Ethernet's, that cannot be right"
    case .unknownLinkType: "link type that is not read"
    case .fragmentWithoutFirst: "later fragments whose first one never came"
    case .handoffRingFull: "packets lost because the owner's ring was full"
    case .sampledOut: "flow not in the sample while there was more than could be taken"
    case .flowsCreated: "flows begun"
    case .endedIdle: "flows ended by inactivity"
    case .endedByProtocol: "flows ended by FIN, RST or a new SYN"
    case .endedForced: "flows ended by shutdown or by an operator"
    case .evicted: "flows ended early because the table was full"
    case .flowUpdates: "records of flows that live on"
    case .recordsMade: "flow and anomaly records made, whether or not the ring took them"
    case .recordsDropped: "flow and anomaly records lost because their ring was full"
    case .recordsUnpublished: "records not made because a filter rule says so (nopublish)"
    case .flowsLive: "flows in the table just now"
    case .portsReused: "flows begun on the ports of another, by a SYN or by numbers of their own"
    case .detailsNotKept: "times that there was no room to note what went wrong with a flow"
    case .tunnelsNotKept: "flows whose tunnel there was no room for"
    case .anomalyRecords: "records of anomalies made"
    case .anomaliesSuppressed: "anomalies counted and, by the limit in rate, not recorded"
    case .ipv4Fragments: "IPv4 fragments"
    case .ipv6Fragments: "IPv6 fragments"
    case .badTCPHeaderLength: "TCP header length below 20 or beyond the packet"
    case .badUDPLength: "UDP length below 8 or beyond the packet"
    case .lengthBeyondFrame: "IP length beyond the frame"
    case .ipChecksumBad: "IPv4 header checksums that are wrong"
    case .transportChecksumBad: "TCP, UDP, ICMP and SCTP checksums that are wrong"
    case .checksumOffloadWrong: "checksums the port called wrong and that are right"
    case .checksumNotComputed:
      "checksums that the sender left to its NIC, seen on the sender itself"
    case .badInnerVersion: "IP in IP of another version than its protocol number says"
    case .badIPv4Options: "IPv4 options whose lengths make no sense"
    case .badTCPOptions: "options of a SYN whose lengths make no sense"
    case .badTCPFlags: "SYN, FIN and RST in one segment, two of them or all"
    case .rstOutsideWindow: "RSTs too far from the expected sequence number, which close nothing"
    case .tcpOutsideWindow:
      "segments beyond what their receiver's window lets through, which are not believed alone"
    case .finOutsideWindow: "FINs before data that was sent already, which close nothing"
    case .tcpGap: "data acknowledged by its receiver and never seen here"
    case .fragmentOverlap: "fragments that share bytes with another of their datagram"
    case .fragmentTooLong: "fragments that end beyond the longest datagram"
    case .streamOverlapDiffers: "segments that differ from what was sent before in their place"
    case .streamHeldTooMuch: "times that more waited behind holes than a direction may hold"
    case .appMessageTooLong: "messages longer than anybody keeps"
    case .appMalformed: "messages that make no sense"
    case .appMismatch: "flows whose directions speak different protocols"
    case .appOneDirection: "flows of which only one direction shows what they speak"
    case .appCompressionLoop: "names that refer to themselves or to what stands behind them"
    case .appTooManyTransactions: "flows with more open transactions than anybody keeps"
    case .appDecompressionBomb: "compressed bodies that grow beyond measure"
    case .appPendingTooLarge: "times that a flow's records under way took more than they may"
    case .appHeadersTooLong: "header lines without end"
    case .payloadsShown: "packets whose payload went to dissection"
    case .payloadBytesShown: "bytes of those payloads"
    case .dissectedFlows: "flows that dissection has looked at"
    case .dissectionNoState: "flows that dissection had no room for"
    case .dissectionNoMemory: "times that there was no buffer for what had to wait"
    case .streamGaps: "holes in streams that were passed on as holes"
    case .streamGapBytes: "bytes of those holes"
    case .protocolRecordsMade: "protocol records made, whether or not the ring took them"
    case .protocolRecordsDropped: "protocol records lost because their ring was full"
    case .dissectionsLive: "flows in dissection just now"
    case .dissectionBufferBytes: "bytes of dissection's buffers in use just now"
    case .fragmentDuplicates: "fragments that came twice"
    case .datagramsIncomplete: "fragmented datagrams of which some piece never came"
    case .tcpRetransmissions: "segments whose data had been sent before"
    case .tcpOutOfOrder: "segments that came after later ones"
    case .tcpMissedBytes: "bytes of TCP that were acknowledged and never seen here"
    case .tcpZeroWindows: "segments that announce a window of 0"
    case .tcpKeepAlives: "keep-alive probes"
    case .polls: "receive calls"
    case .emptyPolls: "receive calls that brought nothing"
    case .busyTicks: "TSC ticks spent on bursts that were not empty"
    case .sleeps: "sleeps of an adaptive worker between two polls"
    case .asleepTicks: "TSC ticks spent in those sleeps"
    case .lateWakeUps: "sleeps that lasted more than twice as long as any may"
    case .wakeUps: "times that packets ended a spell of sleeps"
    case .samplingInterval: "one flow in so many is kept, just now; 1: all"
    case .samplingRaised: "times that pressure had fewer flows kept"
    case .rssChecked: "packets whose hash from the port was checked against software"
    case .rssMismatch: "of those, hashes that differed"
    case .timeWentBackwards: "packets older than their flow's latest one"
    }
  }

  /// The name in stats and metrics: words with underscores, as EVE has them.
  package var name: String { Self.names[rawValue] }

  private static let names: [String] = allCases.map { counter in
    // Names that the field writes in mixed case are one word each.
    var words = String(describing: counter)
    for word in ["IPv4", "IPv6", "PPPoE", "VLANs"] {
      words.replace(word, with: word.prefix(1) + word.dropFirst().lowercased())
    }
    var out = ""
    var previousUpper = true
    let characters = Array(words)
    for (i, c) in characters.enumerated() {
      let nextLower = i + 1 < characters.count && characters[i + 1].isLowercase
      if c.isUppercase && i > 0 && (!previousUpper || nextLower) { out += "_" }
      out += c.lowercased()
      previousUpper = c.isUppercase
    }
    return out
  }

  package static let count = allCases.count
}

/// A worker's own counters, and the page on which others read them.
///
///     private: | 0 … count-1 |        page: | version | 0 … count-1 |
///
/// The worker counts in private memory. ``publish()`` copies all of it to the page under a version
/// that is odd while the copy goes on (a seqlock), so that a reader sees every counter at one
/// moment: conservation holds in each snapshot and not only at the end.
package struct CounterBlock: BitwiseCopyable, @unchecked Sendable {
  @usableFromInline let own: UnsafeMutablePointer<UInt64>
  @usableFromInline let page: UnsafeMutablePointer<UInt64>

  /// Bytes of memory that one block takes.
  package static var byteCount: Int { (2 * Counter.count + 8) * 8 }

  /// `memory` is zeroed, `byteCount` long and aligned to 64.
  package init(memory: UnsafeMutableRawPointer) {
    own = memory.assumingMemoryBound(to: UInt64.self)
    page = own + Counter.count
  }

  @inlinable @inline(__always)
  package func add(_ counter: Counter, _ n: UInt64 = 1) {
    // Wrapping: a 64-bit packet counter at 30 Mpps runs for 19,000 years.
    own[counter.rawValue] &+= n
  }

  @inlinable @inline(__always)
  package func add(rawIndex index: Int, _ n: UInt64 = 1) { own[index] &+= n }

  @inlinable @inline(__always)
  package func set(_ counter: Counter, _ value: UInt64) { own[counter.rawValue] = value }

  @inlinable @inline(__always)
  package subscript(counter: Counter) -> UInt64 { own[counter.rawValue] }
}
