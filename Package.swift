// swift-tools-version: 6.2
// The module graph is docs/ARCHITECTURE.md's table: who may know whom is decided here and nowhere else.
import PackageDescription

/// Settings that every Swift target of this package shares.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
  .enableUpcomingFeature("ExistentialAny"),
]

/// libiw is GPL-2; `--disable-default-traits` leaves it, and the WEXT fallback, out of the binary.
let libiw: Trait = .trait(name: "LibIW", description: "Read old wireless drivers through libiw (GPL-2).")

let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")

let package = Package(
  name: "siftd",
  products: [
    .executable(name: "siftd", targets: ["siftd"]),
    .executable(name: "siftctl", targets: ["siftctl"]),
    .library(name: "CExpertKernels", targets: ["CExpertKernels"]),
    .library(name: "ExpertExec", targets: ["ExpertExec"]),
    .library(name: "SiftPolicy", targets: ["SiftPolicy"]),
    .library(name: "LinkMonitor", targets: ["LinkMonitor"]),
    .library(name: "EnergyMeter", targets: ["EnergyMeter"]),
    .library(name: "HostIO", targets: ["HostIO"]),
    .library(name: "SiftCluster", targets: ["SiftCluster"]),
    .library(name: "SiftCore", targets: ["SiftCore"]),
  ],
  traits: [libiw, .default(enabledTraits: ["LibIW"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1",
      traits: ["ConfigurationSupport"]),
    .package(url: "https://github.com/LebJe/TOMLKit.git", from: "0.6.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2"),
    .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
  ],
  targets: [
    // System libraries (Debian packages in `providers`) and C.
    .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    .systemLibrary(
      name: "CNetlink", pkgConfig: "libnl-genl-3.0", providers: [.apt(["libnl-genl-3-dev"])]),
    .systemLibrary(name: "CWext", providers: [.apt(["libiw-dev"])]),
    .target(name: "CExpertKernels", cSettings: [.treatAllWarnings(as: .error)]),
    .target(name: "CPeer", cSettings: [.treatAllWarnings(as: .error)]),

    // Values, and the one module that calls the OS for files and maps.
    .target(name: "SiftCore", swiftSettings: strict),
    .target(name: "HostIO", dependencies: ["CSystemd"], swiftSettings: strict),

    // The four that never import one another.
    .target(
      name: "LinkMonitor",
      dependencies: [
        "SiftCore", "HostIO", "CNetlink", .target(name: "CWext", condition: .when(traits: ["LibIW"])),
      ], swiftSettings: strict),
    .target(name: "EnergyMeter", dependencies: ["SiftCore", "HostIO"], swiftSettings: strict),
    .target(name: "SiftPolicy", dependencies: ["SiftCore"], swiftSettings: strict),
    .target(
      name: "ExpertExec",
      dependencies: [
        "SiftCore", "HostIO", "CExpertKernels", .product(name: "Crypto", package: "swift-crypto"),
      ], swiftSettings: strict),

    // What was measured, kept.
    .target(
      name: "EnergyLedger",
      dependencies: ["SiftCore", "HostIO", .product(name: "GRDB", package: "GRDB.swift")], swiftSettings: strict),
    // A world to run the policies in: fading and recorded channels.
    .target(name: "SiftSimulation", dependencies: ["SiftCore", "SiftPolicy"], swiftSettings: strict),

    // Peers, the daemon, the tools.
    .target(
      name: "SiftCluster",
      dependencies: [
        "SiftCore", "ExpertExec", "CPeer", nio, nioPosix,
        .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "X509", package: "swift-certificates"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "Crypto", package: "swift-crypto"),
      ], swiftSettings: strict),
    .target(
      name: "SiftDaemon",
      dependencies: [
        "SiftCore", "HostIO", "LinkMonitor", "EnergyMeter", "EnergyLedger", "SiftPolicy", "ExpertExec", "SiftCluster",
        "CSystemd", nio, nioPosix,
        .product(name: "NIOExtras", package: "swift-nio-extras"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "TOMLKit", package: "TOMLKit"),
      ], swiftSettings: strict),
    .target(
      name: "SiftTools",
      dependencies: [
        "SiftCore", "HostIO", "LinkMonitor", "EnergyMeter", "EnergyLedger", "SiftPolicy", "ExpertExec", "SiftCluster",
        "SiftDaemon", "SiftSimulation",
        nio, nioPosix, .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "SystemPackage", package: "swift-system"),
      ], swiftSettings: strict),
    .executableTarget(
      name: "siftd",
      dependencies: [
        "SiftDaemon", "HostIO", "SiftCore", .product(name: "Logging", package: "swift-log"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    .executableTarget(
      name: "siftctl",
      dependencies: [
        "SiftTools", "SiftCore", "HostIO", "LinkMonitor", "EnergyMeter", "EnergyLedger", "SiftPolicy", "ExpertExec",
        "SiftCluster", "SiftDaemon", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),

    // Tests: one target a module, fakes in SiftTestKit, whole processes in EndToEndTests. Each names every module that it
    // imports: what is not named is not built anew when it changes, and a stale layout of a value corrupts memory.
    .target(
      name: "SiftTestKit", dependencies: ["SiftCore", "HostIO", "ExpertExec", nio, nioPosix], path: "Tests/SiftTestKit",
      swiftSettings: strict),
    .testTarget(name: "SiftCoreTests", dependencies: ["SiftCore"], swiftSettings: strict),
    .testTarget(name: "HostIOTests", dependencies: ["HostIO", "SiftTestKit"], swiftSettings: strict),
    .testTarget(
      name: "LinkMonitorTests", dependencies: ["SiftCore", "HostIO", "LinkMonitor", "SiftTestKit"],
      swiftSettings: strict),
    .testTarget(
      name: "EnergyMeterTests", dependencies: ["SiftCore", "HostIO", "EnergyMeter", "SiftTestKit"],
      swiftSettings: strict),
    .testTarget(
      name: "EnergyLedgerTests",
      dependencies: [
        "SiftCore", "HostIO", "EnergyLedger", "SiftTestKit", .product(name: "GRDB", package: "GRDB.swift"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "SiftPolicyTests", dependencies: ["SiftCore", "SiftPolicy", "SiftTestKit"], swiftSettings: strict),
    .testTarget(
      name: "SiftSimulationTests", dependencies: ["SiftCore", "SiftSimulation", "SiftTestKit"], swiftSettings: strict),
    .testTarget(
      name: "ExpertExecTests", dependencies: ["SiftCore", "HostIO", "ExpertExec", "CExpertKernels", "SiftTestKit"],
      swiftSettings: strict),
    .testTarget(
      name: "SiftClusterTests",
      dependencies: [
        "SiftCore", "HostIO", "ExpertExec", "SiftCluster", "SiftTestKit", nio, nioPosix,
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ], swiftSettings: strict),
    .testTarget(
      name: "SiftDaemonTests",
      dependencies: [
        "SiftCore", "HostIO", "LinkMonitor", "EnergyMeter", "EnergyLedger", "SiftPolicy", "ExpertExec", "SiftCluster",
        "SiftDaemon", "SiftTestKit", .product(name: "HummingbirdTesting", package: "hummingbird"),
      ], swiftSettings: strict),
    .testTarget(
      name: "SiftToolsTests",
      dependencies: [
        "SiftCore", "HostIO", "LinkMonitor", "EnergyMeter", "EnergyLedger", "SiftPolicy", "ExpertExec",
        "SiftSimulation",
        "SiftDaemon", "SiftTools", "SiftTestKit",
      ], swiftSettings: strict),
    .testTarget(
      name: "EndToEndTests",
      dependencies: ["HostIO", "SiftTools", "EnergyLedger", "ExpertExec", "SiftTestKit", "siftd", "siftctl"],
      swiftSettings: strict),
  ]
)
