// swift-tools-version: 6.2
import Foundation
import PackageDescription

// hiredis has TLS from 1.0 on; Debian 12's 0.14 has none. MARTLET_HIREDIS_PREFIX names where hiredis is,
// if not in /usr: then its headers and libraries are found there.
let hiredisPrefix = Context.environment["MARTLET_HIREDIS_PREFIX"]
let hasHiredisTLS = FileManager.default.fileExists(
  atPath: "\(hiredisPrefix ?? "/usr")/include/hiredis/hiredis_ssl.h")
let hiredisHeaders = hiredisPrefix.map { ["-I\($0)/include"] } ?? []
let hiredisLibraries = hiredisPrefix.map { ["-L\($0)/lib", "-Xlinker", "-rpath=\($0)/lib"] } ?? []

// Settings every Swift target shares. Warnings are errors where MARTLET_STRICT is set (CI sets it).
let strict = Context.environment["MARTLET_STRICT"] != nil
let swiftSettings: [SwiftSetting] =
  [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
  ] + (strict ? [.treatAllWarnings(as: .error)] : [])
  + hiredisHeaders.map { .unsafeFlags(["-Xcc", $0]) }

// Cold targets also say `unsafe` wherever they leave the memory-safe language.
let coldSettings = swiftSettings + [.strictMemorySafety()]

// The hot targets are optimised as one module; `-Ounchecked` is never used.
let hotSettings = swiftSettings

// DPDK's headers need SSE4.2 and rte_config.h, which every C file of the shim includes first.
#if arch(arm64)
  let dpdkArchitecture = ["-I/usr/include/aarch64-linux-gnu/dpdk", "-march=armv8-a+crc"]
#else
  let dpdkArchitecture = ["-I/usr/include/x86_64-linux-gnu/dpdk", "-march=corei7"]
#endif
let dpdkFlags = ["-I/usr/include/dpdk"] + dpdkArchitecture

// SwiftPM cannot read libdpdk.pc (its -include and -march are refused), so the libraries stand here.
let dpdkLibraries = [
  "rte_eal", "rte_ethdev", "rte_mbuf", "rte_mempool", "rte_ring", "rte_net_ring", "rte_hash",
  "rte_kvargs", "rte_bus_vdev",
]

// Benchmarks are built only where they are asked for.
let benchTargets: [Target] =
  Context.environment["MARTLET_BENCH"] == nil
  ? []
  : [
    .target(name: "CMemoryPort", dependencies: ["CBurst"], path: "bench/memory-port"),
    .target(
      name: "CReference", dependencies: ["CBurst"], path: "bench/reference",
      cSettings: [.unsafeFlags(["-O3"])]),
    .executableTarget(
      name: "martlet-bench",
      dependencies: [
        "FlowEngine", "Filters", "Dissection", "Records", "Ports", "CBurst", "CPcap",
        "CMemoryPort", "CReference",
      ],
      path: "bench/microbench", swiftSettings: swiftSettings),
    .executableTarget(
      name: "martlet-publish", dependencies: ["Records", "Sinks"],
      path: "bench/publish/publisher", swiftSettings: swiftSettings),
    .target(
      name: "CLineRate", path: "bench/linerate/shim", cSettings: [.unsafeFlags(dpdkFlags)],
      linkerSettings: [.linkedLibrary("rte_vhost")]),
    .executableTarget(
      name: "martlet-linerate",
      dependencies: [
        "CLineRate", "CBurst", "CPcap", "DPDKPorts", "FlowEngine",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], path: "bench/linerate/generator", swiftSettings: swiftSettings),
  ]

// So are fuzzers, which link libFuzzer's main; `make fuzz` runs them.
let fuzzSettings =
  swiftSettings + [
    .unsafeFlags(["-parse-as-library", "-sanitize=fuzzer,address"])
  ]
let fuzzTargets: [Target] =
  Context.environment["MARTLET_FUZZ"] == nil
  ? []
  : [
    .target(name: "FuzzDriver", path: "bench/fuzz-driver", swiftSettings: swiftSettings),
    // Looks into the engine: `make fuzz` builds with -enable-testing.
    .executableTarget(
      name: "martlet-fuzz-engine", dependencies: ["FlowEngine", "FuzzDriver", "Ports", "CBurst"],
      path: "bench/fuzz",
      exclude: [
        "CaptureFuzzer.swift", "ControlFuzzer.swift", "DissectionFuzzer.swift",
        "DissectionSeeds.swift", "StreamFuzzer.swift",
      ],
      swiftSettings: fuzzSettings,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]),
    .executableTarget(
      name: "martlet-fuzz-capture",
      dependencies: ["FuzzDriver", "Ports", "CBurst", "CCompression"],
      path: "bench/fuzz",
      exclude: [
        "ControlFuzzer.swift", "DissectionFuzzer.swift", "DissectionSeeds.swift",
        "EngineFuzzer.swift", "FragmentFuzzer.swift", "FuzzBed.swift",
        "FuzzFrames.swift", "FuzzRecord.swift", "ParserFuzzer.swift", "Seeds.swift",
        "StreamFuzzer.swift", "TCPFuzzer.swift",
      ], sources: ["CaptureFuzzer.swift"],
      swiftSettings: fuzzSettings,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]),
    .executableTarget(
      name: "martlet-fuzz-dissection",
      dependencies: ["Dissection", "Records", "FlowEngine", "FuzzDriver", "Ports", "CBurst"],
      path: "bench/fuzz",
      exclude: [
        "CaptureFuzzer.swift", "ControlFuzzer.swift", "EngineFuzzer.swift",
        "FragmentFuzzer.swift", "FuzzBed.swift", "FuzzFrames.swift", "FuzzRecord.swift",
        "ParserFuzzer.swift", "Seeds.swift", "TCPFuzzer.swift",
      ],
      sources: ["DissectionFuzzer.swift", "DissectionSeeds.swift", "StreamFuzzer.swift"],
      swiftSettings: fuzzSettings,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]),
    .executableTarget(
      name: "martlet-fuzz-control",
      dependencies: [
        "ControlServer", "ControlAPI", "FuzzDriver",
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "bench/fuzz",
      exclude: [
        "CaptureFuzzer.swift", "DissectionFuzzer.swift", "DissectionSeeds.swift",
        "EngineFuzzer.swift", "FragmentFuzzer.swift", "FuzzBed.swift",
        "FuzzFrames.swift", "FuzzRecord.swift", "ParserFuzzer.swift", "Seeds.swift",
        "StreamFuzzer.swift", "TCPFuzzer.swift",
      ], sources: ["ControlFuzzer.swift"],
      swiftSettings: fuzzSettings,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]),
  ]

let package = Package(
  name: "martlet",
  products: [
    .executable(name: "martletd", targets: ["martletd"]),
    .executable(name: "martlet", targets: ["martlet"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    .target(name: "CBurst", path: "dpdk/burst"),
    .target(name: "CPosix", path: "dpdk/posix"),
    .target(
      name: "CDPDK", dependencies: ["CBurst"], path: "dpdk/shim",
      cSettings: [.unsafeFlags(dpdkFlags)],
      linkerSettings: dpdkLibraries.map { .linkedLibrary($0) } + [
        .linkedLibrary("numa"), .linkedLibrary("pcap"),
      ]),
    .systemLibrary(name: "CHiredis", path: "dpdk/hiredis", providers: [.apt(["libhiredis-dev"])]),
    .target(
      name: "CHiredisTLS", path: "dpdk/hiredis-tls",
      cSettings: [.unsafeFlags(hiredisHeaders)]
        + (hasHiredisTLS ? [.define("MARTLET_HIREDIS_TLS")] : []),
      linkerSettings: [.unsafeFlags(hiredisLibraries)]
        + (hasHiredisTLS ? ["hiredis_ssl", "ssl", "crypto"].map { .linkedLibrary($0) } : [])),
    .target(
      name: "CCurl", path: "dpdk/curl", linkerSettings: [.linkedLibrary("curl")]),
    .systemLibrary(
      name: "CRdkafka", path: "dpdk/rdkafka", providers: [.apt(["librdkafka-dev"])]),
    .systemLibrary(name: "CPcap", path: "dpdk/pcap", providers: [.apt(["libpcap-dev"])]),
    .systemLibrary(name: "COpenSSL", path: "dpdk/openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CCompression", path: "dpdk/compression",
      providers: [.apt(["zlib1g-dev", "libzstd-dev", "liblz4-dev", "liblzma-dev"])]),

    .target(name: "FlowEngine", dependencies: ["CBurst"], swiftSettings: hotSettings),
    .target(
      name: "Filters", dependencies: ["FlowEngine", "CBurst", "CPcap"],
      swiftSettings: swiftSettings),
    .target(name: "CSHA1", path: "dpdk/sha1"),
    .target(
      name: "CCrypto", path: "dpdk/crypto",
      linkerSettings: [.linkedLibrary("crypto"), .linkedLibrary("z")]),
    .target(name: "Records", dependencies: ["FlowEngine", "CSHA1"], swiftSettings: swiftSettings),
    .target(
      name: "Dissection", dependencies: ["Records", "FlowEngine", "CBurst", "CCrypto"],
      swiftSettings: hotSettings),
    .target(
      name: "Ports", dependencies: ["FlowEngine", "CBurst", "CPosix", "CCompression"],
      swiftSettings: swiftSettings),
    .target(
      name: "Sinks", dependencies: ["Records", "CHiredis", "CHiredisTLS", "CCompression"],
      swiftSettings: swiftSettings),
    .target(
      name: "Forwarding",
      dependencies: [
        "Records", "Sinks", "ControlAPI", "FlowEngine", "CCurl", "CRdkafka", "CCompression",
        "COpenSSL",
      ], swiftSettings: swiftSettings),
    .target(
      name: "Configuration",
      dependencies: ["Records", "FlowEngine", .product(name: "Yams", package: "Yams")],
      swiftSettings: swiftSettings),
    .target(
      name: "Runtime",
      dependencies: [
        "FlowEngine", "Filters", "Dissection", "Records", "Ports", "Sinks", "ControlAPI",
        "Configuration", "CBurst", .product(name: "Logging", package: "swift-log"),
      ], swiftSettings: swiftSettings),
    .target(
      name: "DPDKPorts", dependencies: ["Ports", "CDPDK", "CBurst"], swiftSettings: swiftSettings),
    .target(name: "ControlAPI", swiftSettings: coldSettings),
    .target(
      name: "AuditLog",
      dependencies: ["ControlAPI", "COpenSSL"],
      swiftSettings: swiftSettings),
    .target(
      name: "ControlServer",
      dependencies: [
        "ControlAPI", "AuditLog",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "Logging", package: "swift-log"),
      ], swiftSettings: swiftSettings),
    .executableTarget(
      name: "martletd",
      dependencies: [
        "ControlAPI", "ControlServer", "AuditLog", "DPDKPorts", "Runtime", "Configuration",
        "Dissection", "FlowEngine",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ], swiftSettings: swiftSettings),
    .executableTarget(
      name: "martlet",
      dependencies: [
        "ControlAPI", "AuditLog", "Runtime", "Configuration", "Filters", "Ports", "Sinks",
        "Records", "FlowEngine", "Dissection", "CBurst", "CCrypto", "Forwarding",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: swiftSettings),
    .testTarget(
      name: "FlowEngineTests", dependencies: ["FlowEngine", "CBurst"], swiftSettings: swiftSettings),
    .testTarget(
      name: "FiltersTests", dependencies: ["Filters", "FlowEngine", "CBurst", "CPcap"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "PortsTests",
      dependencies: ["Ports", "FlowEngine", "CBurst", "CCompression", "CPcap"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "DPDKPortsTests", dependencies: ["DPDKPorts", "CDPDK", "FlowEngine"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "RecordsTests", dependencies: ["Records", "FlowEngine"], swiftSettings: swiftSettings),
    .testTarget(
      name: "DissectionTests",
      dependencies: ["Dissection", "Records", "FlowEngine", "Ports", "CBurst", "CCrypto"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "SinksTests", dependencies: ["Sinks", "Records", "CHiredis"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "ForwardingTests",
      dependencies: [
        "Forwarding", "Sinks", "Records", "ControlAPI", "FlowEngine", "CRdkafka", "CCompression",
      ],
      exclude: ["Receivers"], swiftSettings: swiftSettings),
    .testTarget(
      name: "ConfigurationTests", dependencies: ["Configuration"], swiftSettings: swiftSettings),
    .testTarget(
      name: "ControlTests",
      dependencies: [
        "ControlServer", "ControlAPI", "AuditLog", "martlet",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "MartletTests",
      dependencies: [
        "martlet", "ControlAPI", "Configuration", "Dissection", "Records", "FlowEngine",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: swiftSettings),
    .testTarget(
      name: "RuntimeTests",
      dependencies: [
        "Runtime", "Ports", "Sinks", "Records", "FlowEngine", "ControlAPI", "Configuration",
        "Dissection", "CBurst",
        .product(name: "Logging", package: "swift-log"),
      ], swiftSettings: swiftSettings),
    .testTarget(
      name: "WholeProgramTests",
      dependencies: [
        "martletd", "martlet", "ControlAPI", .product(name: "Yams", package: "Yams"),
      ] + (benchTargets.isEmpty ? [] : ["martlet-linerate"]),
      swiftSettings: swiftSettings),
  ] + benchTargets + fuzzTargets
)
