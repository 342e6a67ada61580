import FlowEngine
import Records

extension SettingsKey {
  private static let seconds = 0.1...86_400.0

  /// All keys, in the order of the reference; a section stands before what it holds.
  package static let all: [SettingsKey] = [
    SettingsKey(
      "sensor", .text, required: true,
      "Name of this sensor, in every record and stream; letters, digits, `.`, `_`, `-`"),
    SettingsKey(
      "drainSeconds", live: true, .number(1...3600), "30", unit: "s",
      "How long the end may take until what is left is given up"),

    SettingsKey("engine", .section, "Workers, cores and memory"),
    SettingsKey(
      "engine.workers", .integer(1...128), "1", "Workers; each polls its own queue of every port"),
    SettingsKey(
      "engine.cores", .integers(0...4095),
      "Core of each worker; chosen on the ports' NUMA node where it is left out"),
    SettingsKey(
      "engine.mainCore", .integer(0...4095),
      "Core of the main thread; it floats over what the workers leave where it is left out"),
    SettingsKey(
      "engine.shareCores", .flag, "false",
      "Allow two workers on one core, or a worker on the main one"),
    SettingsKey(
      "engine.noHugepages", .flag, "false", "Run in ordinary memory, at about half the speed"),
    SettingsKey(
      "engine.memoryMegabytes", .integer(16...1_048_576), unit: "MiB",
      "Packet memory; worked out from the ports where it is left out"),
    SettingsKey(
      "engine.filePrefix", .text,
      "DPDK's file prefix; one of the process's own where it is left out"),
    SettingsKey("engine.ealArguments", .texts, "[]", "Further arguments for DPDK's environment"),
    SettingsKey(
      "engine.polling", live: true, .choice(["busy", "adaptive"]), "adaptive",
      "Poll without a pause, a whole core whatever the traffic; or sleep between polls while nothing comes"
    ),
    SettingsKey(
      "engine.maximumSleepMicroseconds", live: true, .integer(1...10_000), "50", unit: "µs",
      "How long an adaptive worker sleeps at the most; less where its rings would not last for it"),

    SettingsKey(
      "engine.burstPackets", live: true, .integer(1...32), "32", unit: "packets",
      "How many packets a worker asks a queue for at a time"),
    SettingsKey(
      "engine.prefetchDistance", live: true, .integer(1...32), "16", unit: "packets",
      "How many packets ahead a worker has flows fetched from memory"),
    SettingsKey(
      "engine.traceInterval", live: true, .integer(1...1_000_000), "1", unit: "packets",
      "Of the packets that a trace wants, each worker writes one in so many down"),

    SettingsKey("ports", .sections, required: true, "Where packets come from"),
    SettingsKey(
      "ports[].name", .text, required: true, "Name of the port, `in_iface` of its records"),
    SettingsKey(
      "ports[].device", .text,
      "A PCI address (`0000:03:00.0`) or a vdev string (`net_af_packet0,iface=eth1`)"),
    SettingsKey(
      "ports[].player", .section,
      "In place of a device: a capture file played through a port of rings"),
    SettingsKey(
      "ports[].player.capture", .text, required: true,
      "The file, pcap or pcapng; relative to the configuration's folder"),
    SettingsKey(
      "ports[].player.spread", .choice(["symmetricRss", "misdirected", "roundRobin"]),
      "symmetricRss",
      "As a NIC with symmetric RSS; every second packet to the wrong queue; one queue after the other"
    ),
    SettingsKey(
      "ports[].player.passes", .paces, "[original]",
      "Pace of each pass: `original`, `max`, or how many times as fast; `max*100` is a hundred passes"
    ),
    SettingsKey(
      "ports[].queues", .integer(1...128), "engine.workers",
      "Receive queues; queue i belongs to worker i"),
    SettingsKey(
      "ports[].rxDescriptors", .integer(64...32_768), "1024",
      "Descriptors of each receive queue; of a player, slots of each ring (a power of two)"),
    SettingsKey(
      "ports[].mbufCount", .integer(256...16_777_216),
      "Packet buffers; worked out from descriptors and queues where it is left out"),
    SettingsKey(
      "ports[].mbufSizeBytes", .integer(128...16_384), "2048", unit: "bytes",
      "Room of a packet buffer; longer frames take several"),
    SettingsKey("ports[].promiscuous", .flag, "true", "Take frames for other stations, too"),
    SettingsKey(
      "ports[].mtuBytes", .integer(68...9702), "1500", unit: "bytes", "Longest IP packet"),
    SettingsKey(
      "ports[].rss", .choice(["auto", "hardware", "software"]), "auto",
      "Who spreads packets over queues: the port where its driver takes the symmetric key; the port, or no start; Martlet"
    ),
    SettingsKey(
      "ports[].checksumOffload", .flag, "true", "Have the port check checksums where it can"),
    SettingsKey(
      "ports[].linkDownIsError", .flag, "false", "Do not start while the port's link is down"),

    SettingsKey(
      "filters", .sections,
      "Rules that packets are shown in this order; one that no rule drops is kept"),
    SettingsKey(
      "filters[].name", .text, required: true,
      "Name of the rule; letters, digits, `.`, `_`, `-`, at most 64"),
    SettingsKey(
      "filters[].expression", .text,
      "A libpcap expression (pcap-filter(7)); every packet where it is left out"),
    SettingsKey(
      "filters[].action", .choice(["drop", "keep", "sample", "nopublish", "tag"]), "drop",
      "What becomes of the packets it catches; drop, keep and sample end the search"),
    SettingsKey(
      "filters[].oneIn", .powerOfTwo(2...32_768), unit: "flows",
      "sample: of so many flows one is kept, whole"),
    SettingsKey("filters[].tag", .text, "tag: the name that its flows bear in their records"),
    SettingsKey("filters[].ports", .texts, "Names of the ports it holds for; all unless given"),
    SettingsKey(
      "filters[].inner", .flag, "false",
      "It sees the innermost IP packet instead of the frame on the wire"),

    SettingsKey("flows", .section, "The flow tables"),
    SettingsKey(
      "flows.capacity", .integer(64...1_073_741_824), "262144", unit: "flows",
      "Flows in each worker's table; a full one evicts the oldest"),
    SettingsKey("flows.vlanInKey", .flag, "true", "Packets of different VLANs are different flows"),
    SettingsKey(
      "flows.tunnelDepth", .integer(0...8), "8", unit: "tunnels",
      "Tunnels within tunnels that are looked into; records are of the innermost flow, 0: of the outermost"
    ),
    SettingsKey(
      "flows.checksums", .choice(["ignore", "count", "discard"]), "ignore",
      "Compute none, but for those the port calls wrong; compute all and report wrong ones; leave packets with wrong ones out of flows"
    ),
    SettingsKey("flows.timeouts", .section, "When a flow ends"),
    SettingsKey(
      "flows.timeouts.activeSeconds", live: true, .number(0...86_400), "300", unit: "s",
      "A live flow gives a `flow_update` this often; 0: never"),
    SettingsKey(
      "flows.timeouts.tcpSeconds", live: true, .number(seconds), "300", unit: "s", "Silent TCP flow"
    ),
    SettingsKey(
      "flows.timeouts.udpSeconds", live: true, .number(seconds), "30", unit: "s", "Silent UDP flow"),
    SettingsKey(
      "flows.timeouts.icmpSeconds", live: true, .number(seconds), "10", unit: "s",
      "Silent ICMP or ICMPv6 flow"),
    SettingsKey(
      "flows.timeouts.otherSeconds", live: true, .number(seconds), "30", unit: "s",
      "Silent flow of another protocol"),
    SettingsKey(
      "flows.timeouts.halfOpenSeconds", live: true, .number(seconds), "10", unit: "s",
      "TCP whose handshake is not complete"),
    SettingsKey(
      "flows.timeouts.closedSeconds", live: true, .number(seconds), "2", unit: "s",
      "TCP after both FINs or an RST"),

    SettingsKey("fragments", .section, "IP fragments, until their ports are known"),
    SettingsKey(
      "fragments.capacity", .integer(1...1_048_576), "4096", unit: "datagrams",
      "Datagrams followed by each worker; rounded up to a power of two"),
    SettingsKey(
      "fragments.heldPackets", .integer(0...1_048_576), "1024", unit: "packets",
      "Fragments held until the first one of their datagram comes"),
    SettingsKey(
      "fragments.timeoutSeconds", live: true, .number(0.1...300), "15", unit: "s", "How long"),

    SettingsKey("dissection", .section, "What flows say: streams put together, protocol records"),
    SettingsKey(
      "dissection.enabled", .flag, "true", "Look into payloads; without it there are flows alone"),
    SettingsKey(
      "dissection.protocols", .choices(Settings.Dissection.protocolNames), "[]",
      "Protocols that are looked for; all where it is left out"),
    SettingsKey(
      "dissection.flowCapacity", .integer(64...16_777_216), "16384", unit: "flows",
      "Flows of each worker that are looked into at a time; 1 KiB each"),
    SettingsKey(
      "dissection.bufferMegabytes", .integer(1...65_536), "32", unit: "MiB",
      "Memory of each worker for what waits behind holes, incomplete messages and records under way"
    ),
    SettingsKey(
      "dissection.heldKilobytes", .integer(1...65_536), "256", unit: "KiB",
      "Of it, what one direction of a flow may hold behind holes; more gives the first hole up"),
    SettingsKey(
      "dissection.ringMegabytes", .powerOfTwo(1...1024), "4", unit: "MiB",
      "Ring of protocol records from each worker to the publisher"),
    SettingsKey(
      "dissection.overlap", .choice(["first", "last", "linux", "windows"]), "first",
      "Which of two segments that differ in the same bytes is believed"),
    SettingsKey(
      "dissection.midstream", .flag, "true",
      "Look into TCP connections of which the client's SYN was not seen"),
    SettingsKey(
      "dissection.depthKilobytes", .integer(0...1_073_741_824), "0", unit: "KiB",
      "Bytes of a direction after which nobody looks at it; 0: as far as its protocol's dissector likes"
    ),
    SettingsKey(
      "dissection.depths", .texts, "[]",
      "Other depths for some protocols, as `http 1024 64`: KiB to the server and to the client"),
    SettingsKey(
      "dissection.headersOnly", .flag, "false",
      "Record what stands in headers only: no subjects, no names of files"),
    SettingsKey(
      "dissection.hashFiles", .flag, "false",
      "Hash bodies and attachments (SHA-256), with a `fileinfo` record for each"),
    SettingsKey(
      "dissection.redact", .texts, "[]",
      "Further names of parameters whose values are masked, beside password, token and the like; "
        + "at the most 128 of at the most 64 letters"),

    SettingsKey("handoff", .section, "Packets that another worker owns"),
    SettingsKey(
      "handoff.ringSlots", .powerOfTwo(64...1_048_576), "4096", unit: "packets",
      "Slots of the ring from each worker to each other"),

    SettingsKey("overload", .section, "When packets come faster than workers take them"),
    SettingsKey(
      "overload.sampling", live: true, .choice(["none", "auto"]), "none",
      "`auto`: keep fewer flows, each of them whole, while pressure lasts; `none`: lose what the ports lose"
    ),
    SettingsKey(
      "overload.minimumInterval", live: true, .powerOfTwo(1...1024), "1", unit: "flows",
      "Keep one flow in so many even without pressure; 1: all"),
    SettingsKey(
      "overload.maximumInterval", live: true, .powerOfTwo(1...1024), "64", unit: "flows",
      "Keep one flow in so many at the least"),
    SettingsKey(
      "overload.fullBursts", live: true, .integer(1...65_536), "64", unit: "bursts",
      "Full bursts (32 packets) in a row, which are pressure"),
    SettingsKey(
      "overload.calmSeconds", live: true, .number(0.1...3600), "5", unit: "s",
      "How long without pressure until twice as many flows are kept"),

    SettingsKey("records", .section, "What the workers report"),
    SettingsKey(
      "records.ringSlots", .powerOfTwo(64...16_777_216), "65536", unit: "records",
      "Slots of each worker's record ring"),
    SettingsKey(
      "records.statsIntervalSeconds", live: true, .number(0...3600), "10", unit: "s",
      "A `stats` record this often; 0: only at the end"),
    SettingsKey(
      "records.communityIdSeed", .integer(0...65_535), "0",
      "Seed of the Community ID, the same in all tools that share it"),
    SettingsKey(
      "records.anomaliesPerSecond", .integer(0...1_000_000), "100", unit: "records",
      "`anomaly` records of one name that a worker makes in a second, of a flow one of each name; 0: none"
    ),

    SettingsKey("sinks", .sections, "Where records go; several at once"),
    SettingsKey(
      "sinks[].type", .choice(["redis", "file", "stdout", "null"]), required: true, "What kind"),
    SettingsKey(
      "sinks[].types", .choices(EventType.allCases.map(\.rawValue)), "[]",
      "Event types it takes; all where it is left out"),
    SettingsKey(
      "sinks[].format", .choice(["eve", "fields"]), "eve", "EVE JSON, or (redis) flat fields"),
    SettingsKey(
      "sinks[].queueMegabytes", .integer(1...65_536), "64", unit: "MiB",
      "What may wait for this sink; more is dropped and counted"),
    SettingsKey(
      "sinks[].url", .text, "redis: `redis://host:port/db`, `rediss://…` (TLS) or `unix:/path`"),
    SettingsKey("sinks[].username", .text, "redis: ACL user"),
    SettingsKey("sinks[].passwordFile", .text, "redis: file whose first line is the password"),
    SettingsKey(
      "sinks[].passwordEnvironment", .text, "redis: environment variable that holds the password"),
    SettingsKey(
      "sinks[].caFile", .text,
      "redis, TLS: authorities that may sign the server's certificate; the system's if left out"),
    SettingsKey("sinks[].certificateFile", .text, "redis, TLS: this client's certificate"),
    SettingsKey("sinks[].keyFile", .text, "redis, TLS: the key to that certificate"),
    SettingsKey(
      "sinks[].maxStreamLength", live: true, .integer(0...1_000_000_000_000), "1000000",
      unit: "entries",
      "redis: streams are trimmed to about this length; 0: never"),
    SettingsKey(
      "sinks[].batchRecords", live: true, .integer(1...65_536), "512", unit: "records",
      "redis: records in one transaction"),
    SettingsKey(
      "sinks[].lingerMilliseconds", live: true, .integer(0...100), "50", unit: "ms",
      "redis: how long a record waits for company"),
    SettingsKey(
      "sinks[].connectTimeoutSeconds", .number(0.1...60), "2", unit: "s",
      "redis: until a connection is given up"),
    SettingsKey(
      "sinks[].spoolDirectory", .text,
      "redis: where records wait on disk while Redis lags, in a folder of the sensor's name"),
    SettingsKey(
      "sinks[].spoolMegabytes", .integer(1...16_777_216), "1024", unit: "MiB",
      "redis: how much may wait there; more is dropped and counted"),
    SettingsKey(
      "sinks[].spoolFsync", .flag, "false",
      "redis: wait for the disk after each write, against power loss"),
    SettingsKey(
      "sinks[].retransmitMegabytes", .integer(0...65_536), "64", unit: "MiB",
      "redis: what is kept of acknowledged records, for a Redis that loses them"),
    SettingsKey(
      "sinks[].requireAtStart", .flag, "false", "redis: do not start where it cannot be reached"),
    SettingsKey("sinks[].path", .text, "file: where"),
    SettingsKey(
      "sinks[].rotateMegabytes", .integer(1...1_048_576), unit: "MiB",
      "file: a new file at this size"),
    SettingsKey(
      "sinks[].rotateSeconds", .number(1...31_536_000), unit: "s", "file: a new file this often"),
    SettingsKey(
      "sinks[].keepFiles", .integer(1...10_000), "10", unit: "files",
      "file: how many older ones are kept"),
    SettingsKey(
      "sinks[].splitByType", .flag, "false",
      "file: one file an event type, `eve-flow.json` in place of `eve.json`, made with its first"
        + " record; the queue is shared out among them"),

    SettingsKey("control", .section, "The control socket"),
    SettingsKey(
      "control.socket", .text, "/run/martlet/control.sock",
      "Path of the Unix socket, at most 107 bytes"),
    SettingsKey(
      "control.mode", .text, "\"0660\"", "Permission bits of the socket, octal, in quotes"),
    SettingsKey("control.group", .text, "Group that owns the socket"),
    SettingsKey(
      "control.viewers", .texts, "[]",
      "Who may see: users (`alice`, `1001`) and groups (`@netops`, `@2001`); root and the daemon's own user may do all"
    ),
    SettingsKey(
      "control.operators", .texts, "[]", "Who may change filters, tuning and flows, too"),
    SettingsKey(
      "control.admins", .texts, "[]", "Who may stop ports and the engine and look into packets, too"
    ),
    SettingsKey(
      "control.auditLog", .text,
      "File that every change and refusal is appended to; nothing is logged where it is left out"),
    SettingsKey(
      "control.auditRequired", .flag, "true",
      "Refuse changes that cannot be logged, and do not start without the log"),
    SettingsKey("control.limits", .section, "What clients may take of the daemon"),
    SettingsKey(
      "control.limits.clients", .integer(1...10_000), "64", "Connected at the same time"),
    SettingsKey(
      "control.limits.messageBytes", .integer(1024...16_777_216), "262144", unit: "bytes",
      "Longest message"),
    SettingsKey(
      "control.limits.requestsPerBatch", .integer(1...10_000), "64", "Requests in one message"),
    SettingsKey(
      "control.limits.subscriptionsPerClient", .integer(0...1000), "8",
      "Subscriptions of one client"),
    SettingsKey(
      "control.limits.idleSeconds", .number(1...86_400), "300", unit: "s",
      "A client without subscriptions that says nothing for so long is closed"),
    SettingsKey(
      "control.limits.writeSeconds", .number(0.1...3600), "30", unit: "s",
      "A client that has not read its answer by then is closed"),

    SettingsKey("metrics", .section, "Counters for Prometheus"),
    SettingsKey(
      "metrics.listen", .text,
      "Address and port that serve `/metrics` over HTTP; off where it is left out"),

    SettingsKey("log", .section, "The daemon's own messages, on standard error"),
    SettingsKey(
      "log.level", live: true,
      .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
      "info", "The least that is written"),
    SettingsKey(
      "log.format", .choice(["text", "json"]), "text", "Lines for people, or one JSON object each"),
  ]
}
