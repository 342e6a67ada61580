package import FlowEngine
package import Records

/// Everything a daemon is configured with, checked and unchangeable. Units stand in the names;
/// ``SettingsKey`` says what each key means, its range and its default.
package struct Settings: Sendable, Equatable {
  package var sensor = ""
  package var engine = Engine()
  package var ports: [Port] = []
  package var filters: [Filter] = []
  package var flows = Flows()
  package var fragments = Fragments()
  package var dissection = Dissection()
  package var handoff = Handoff()
  package var overload = Overload()
  package var records = Records()
  package var sinks: [Sink] = []
  package var control = Control()
  package var metrics = Metrics()
  package var log = Log()
  package var drainSeconds = 30.0

  package struct Engine: Sendable, Equatable {
    package enum Polling: String, CaseIterable, Sendable { case busy, adaptive }
    package var workers = 1
    /// CPU of each worker; nil: chosen.
    package var cores: [Int]?
    package var mainCore: Int?
    package var shareCores = false
    package var noHugepages = false
    package var memoryMegabytes: Int?
    package var filePrefix: String?
    package var ealArguments: [String] = []
    package var polling = Polling.adaptive
    package var maximumSleepMicroseconds = 50
    package var burstPackets = 32
    package var prefetchDistance = 16
    package var traceInterval = 1
  }

  /// A filter rule that is in force from the start.
  package struct Filter: Sendable, Equatable {
    package enum Action: String, CaseIterable, Sendable { case drop, keep, sample, nopublish, tag }
    package var name = ""
    package var expression = ""
    package var action = Action.drop
    package var oneIn: Int?
    package var tag: String?
    /// Names of ports; nil: all.
    package var ports: [String]?
    package var inner = false
  }

  package struct Port: Sendable, Equatable {
    /// `hardware` is `auto` that will not start where the port cannot spread packets itself.
    package enum RSS: String, CaseIterable, Sendable { case auto, hardware, software }
    package var name = ""
    /// A PCI address or a vdev string; exactly one of this and `player`.
    package var device: String?
    package var player: Player?
    package var queues = 1
    package var rxDescriptors = 1024
    package var mbufCount: Int?
    package var mbufSizeBytes = 2048
    package var promiscuous = true
    package var mtuBytes = 1500
    package var rss = RSS.auto
    package var checksumOffload = true
    /// Do not start while the port's link is down.
    package var linkDownIsError = false
  }

  package struct Player: Sendable, Equatable {
    package enum Spread: String, CaseIterable, Sendable {
      case symmetricRss, misdirected, roundRobin
    }
    /// Absolute, or relative to the process.
    package var capture = ""
    package var spread = Spread.symmetricRss
    /// One a pass, loops already counted out: 1 is the capture's own pace, 0 as fast as it goes.
    package var passes: [Double] = [1]
  }

  package struct Flows: Sendable, Equatable {
    package enum Checksums: String, CaseIterable, Sendable { case ignore, count, discard }
    /// Flows in each worker's table.
    package var capacity = 262_144
    package var vlanInKey = true
    package var tunnelDepth = 8
    package var checksums = Checksums.ignore
    package var timeouts = Timeouts()
  }

  package struct Timeouts: Sendable, Equatable {
    package var activeSeconds = 300.0
    package var tcpSeconds = 300.0
    package var udpSeconds = 30.0
    package var icmpSeconds = 10.0
    package var otherSeconds = 30.0
    package var halfOpenSeconds = 10.0
    package var closedSeconds = 2.0
  }

  package struct Fragments: Sendable, Equatable {
    package var capacity = 4096
    package var heldPackets = 1024
    package var timeoutSeconds = 15.0
  }

  package struct Dissection: Sendable, Equatable {
    package enum Overlap: String, CaseIterable, Sendable { case first, last, linux, windows }

    package struct Depth: Sendable, Equatable {
      package var proto = AppProtocol.unknown
      package var toServerKilobytes = 0
      package var toClientKilobytes = 0

      /// As the configuration has it: `http 1024 64`.
      package var text: String { "\(proto.name) \(toServerKilobytes) \(toClientKilobytes)" }
    }

    package var enabled = true
    /// All where empty.
    package var protocols: [AppProtocol] = []
    package var flowCapacity = 16_384
    package var bufferMegabytes = 32
    package var heldKilobytes = 256
    package var ringMegabytes = 4
    package var overlap = Overlap.first
    package var midstream = true
    package var depthKilobytes = 0
    package var depths: [Depth] = []
    package var headersOnly = false
    package var hashFiles = false
    package var redact: [String] = []

    /// Names in ``redact``, each of at the most 64 bytes: what ``MemoryBudget`` has room for.
    static let mostRedacted = 128

    /// As EVE's `app_proto` has them.
    package static let protocolNames = AppProtocol.allCases.filter {
      $0 != .unknown && $0 != .failed
    }.map { "\($0.name)" }
  }

  package struct Handoff: Sendable, Equatable {
    package var ringSlots = 4096
  }

  package struct Overload: Sendable, Equatable {
    package enum Sampling: String, CaseIterable, Sendable { case none, auto }
    package var sampling = Sampling.none
    package var minimumInterval = 1
    package var maximumInterval = 64
    package var fullBursts = 64
    package var calmSeconds = 5.0
  }

  package struct Records: Sendable, Equatable {
    package var ringSlots = 65_536
    package var statsIntervalSeconds = 10.0
    package var communityIdSeed = 0
    package var anomaliesPerSecond = 100
  }

  package struct Sink: Sendable, Equatable {
    package enum Kind: String, CaseIterable, Sendable { case redis, file, stdout, null }
    package var type = Kind.null
    /// All where empty.
    package var types: Set<EventType> = []
    package var format = RecordFormat.eve
    package var queueMegabytes = 64
    // redis
    package var url = ""
    package var username: String?
    /// Read from the file or the environment variable that the configuration names.
    package var password: String?
    /// The file that the password was read from.
    package var passwordFile: String?
    /// For TLS, `rediss://`: PEM; nil: the system's authorities, and no certificate of the client's.
    package var caFile: String?
    package var certificateFile: String?
    package var keyFile: String?
    package var maxStreamLength = 1_000_000
    package var batchRecords = 512
    package var lingerMilliseconds = 50
    package var connectTimeoutSeconds = 2.0
    package var requireAtStart = false
    /// Absolute, or relative to the process; nil: records wait in memory alone.
    package var spoolDirectory: String?
    package var spoolMegabytes = 1024
    package var spoolFsync = false
    package var retransmitMegabytes = 64
    // file
    package var path = ""
    package var rotateMegabytes: Int?
    package var rotateSeconds: Double?
    package var keepFiles = 10
    /// One of the files of a sink with `splitByType`.
    package var isOneOfMany = false
  }

  package struct Control: Sendable, Equatable {
    package var socket = "/run/martlet/control.sock"
    /// Permission bits of the socket.
    package var mode = 0o660
    package var group: String?
    /// Users and groups, as written.
    package var viewers: [String] = []
    package var operators: [String] = []
    package var admins: [String] = []
    /// Absolute, or relative to the process; nil: nothing is logged.
    package var auditLog: String?
    package var auditRequired = true
    package var limits = ControlLimits()
  }

  package struct ControlLimits: Sendable, Equatable {
    package var clients = 64
    package var messageBytes = 262_144
    package var requestsPerBatch = 64
    package var subscriptionsPerClient = 8
    package var idleSeconds = 300.0
    package var writeSeconds = 30.0
  }

  package struct Metrics: Sendable, Equatable {
    /// Nil: off.
    package var listen: ListenAddress?
  }

  /// An IP address and a TCP port.
  package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// Without brackets.
    package var address: String
    /// 0: any that is free.
    package var port: Int
    package var description: String {
      address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    }
  }

  package struct Log: Sendable, Equatable {
    package enum Level: String, CaseIterable, Sendable {
      case trace, debug, info, notice, warning, error, critical
    }
    package enum Format: String, CaseIterable, Sendable { case text, json }
    package var level = Level.info
    package var format = Format.text
  }
}

/// One thing that is wrong, on one line: where, what, and what would be right.
package struct Problem: Sendable, Equatable, CustomStringConvertible {
  package var file: String
  /// From 1; 0 where it concerns the file as a whole.
  package var line: Int
  /// `ports[0].device`; empty where it concerns the file as a whole.
  package var key: String
  package var message: String

  package init(file: String, line: Int, key: String, message: String) {
    self.file = file
    self.line = line
    self.key = key
    self.message = message
  }

  package var description: String {
    let place = line > 0 ? "\(file):\(line)" : file
    return key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)"
  }
}
