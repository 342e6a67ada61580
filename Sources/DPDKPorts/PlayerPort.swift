import CDPDK
import Foundation
package import Ports

/// What a player plays, and how.
package struct PlayerOptions: Sendable {
  package enum Spread: String, Sendable {
    /// As a NIC with the symmetric key would, its hash in the descriptor.
    case symmetricRSS
    /// Every second packet arrives at the wrong worker's queue.
    case misdirected
    /// One queue after the other.
    case roundRobin
  }

  package var capture: String
  package var spread: Spread
  /// One a pass: 1 is the capture's own pace, 2 twice as fast, 0 as fast as it goes.
  package var paces: [Double]

  package init(capture: String, spread: Spread = .symmetricRSS, paces: [Double] = [1]) {
    self.capture = capture
    self.spread = spread
    self.paces = paces
  }
}

/// A port of rings that a thread of our own fills from a capture file.
package final class PlayerPort: DPDKPort, @unchecked Sendable {
  private let player: OpaquePointer

  /// Loads the capture and makes the port; nothing is played yet.
  package init(_ options: DPDKPortOptions, player playerOptions: PlayerOptions) throws(PortError) {
    var error = ErrorBuffer()
    var number: UInt16 = 0
    let spread =
      switch playerOptions.spread {
      case .symmetricRSS: CDPDK_SPREAD_RSS
      case .misdirected: CDPDK_SPREAD_MISDIRECTED
      case .roundRobin: CDPDK_SPREAD_ROUND_ROBIN
      }
    let made = options.name.withCString { name in
      playerOptions.capture.withCString { capture in
        playerOptions.paces.withUnsafeBufferPointer { paces in
          var wanted = cdpdk_player_options()
          wanted.name = name
          wanted.capture = capture
          wanted.queues = UInt16(options.queues)
          wanted.owner_table_size = UInt16(options.ownerTableSize)
          wanted.spread = spread
          wanted.mbufs = UInt32(options.effectiveMbufCount)
          wanted.ring_slots = UInt32(options.descriptors)
          wanted.socket = 0
          wanted.paces = paces.baseAddress
          wanted.passes = UInt32(paces.count)
          return error.pass { cdpdk_player_create(&wanted, &number, $0) }
        }
      }
    }
    guard let made else {
      // What the capture is, the configuration can change; memory it cannot.
      throw PortError(
        "port \(options.name): \(error.text)",
        isConfiguration: !error.text.contains("out of memory"))
    }
    player = made
    do {
      // The player has buffers of its own; the port's pool is never drawn from.
      var portOptions = options
      portOptions.mbufCount = 64
      portOptions.device = playerOptions.capture
      try super.init(portOptions, number: number)
    } catch {
      cdpdk_player_free(made)
      throw error
    }
    if playerOptions.spread == .symmetricRSS && options.queues > 1 && options.wantsHardwareRSS {
      overrideRSS(
        isHardware: true, reason: "", types: "ipv4 ipv4-tcp ipv4-udp ipv6 ipv6-tcp ipv6-udp")
    } else if playerOptions.spread != .symmetricRSS {
      overrideRSS(
        isHardware: false, reason: "the player spreads packets in another way", types: "")
    }
  }

  package override func start() throws {
    try super.start()
    let code = cdpdk_player_start(player)
    guard code == 0 else {
      throw PortError("port \(name): the player's thread: \(String(cString: strerror(-code)))")
    }
  }

  package override func stop() {
    cdpdk_player_stop(player)
    super.stop()
  }

  package override func close() {
    super.close()
    cdpdk_player_free(player)
  }

  /// The driver of rings counts packets and no bytes; the player knows what it has put on them.
  package override func statistics() -> PortStatistics {
    var stats = super.statistics()
    var state = cdpdk_player_state()
    cdpdk_player_state(player, &state)
    stats.bytes = state.bytes
    return stats
  }

  /// Its packets are in the player's buffers, whose number is no bound for anything.
  package override func packetBuffers() -> PacketBuffers? { nil }

  package override func progress() -> PlaybackProgress? {
    var state = cdpdk_player_state()
    cdpdk_player_state(player, &state)
    return PlaybackProgress(
      packets: state.packets, capturePackets: UInt64(state.capture_packets),
      pass: Int(state.pass), passes: Int(state.passes),
      isFinished: state.finished && state.queued == 0)
  }
}
