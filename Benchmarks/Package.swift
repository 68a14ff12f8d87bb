// swift-tools-version: 6.2
// Benchmarks of siftd: a package of its own, so that building and testing siftd does not build them.
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
let engine: Target.Dependency = .product(name: "ExpertExec", package: "siftd")
let kernels: Target.Dependency = .product(name: "CExpertKernels", package: "siftd")

let package = Package(
  name: "siftd-benchmarks",
  dependencies: [.package(name: "siftd", path: "..", traits: [])],
  targets: [
    .target(name: "CBenchLoops", cSettings: [.treatAllWarnings(as: .error)]),
    .target(name: "CCountedMalloc", cSettings: [.treatAllWarnings(as: .error)]),
    .target(name: "BenchSupport", swiftSettings: strict),
    .executableTarget(
      name: "kernel-bench", dependencies: ["BenchSupport", "CBenchLoops", kernels], swiftSettings: strict),
    .executableTarget(name: "engine-bench", dependencies: ["BenchSupport", engine], swiftSettings: strict),
    .executableTarget(name: "load-bench", dependencies: ["BenchSupport", engine], swiftSettings: strict),
    .executableTarget(
      name: "alloc-bench", dependencies: ["BenchSupport", "CCountedMalloc", engine], swiftSettings: strict),
    .executableTarget(
      name: "meter-bench",
      dependencies: [
        "BenchSupport", "CCountedMalloc", engine, .product(name: "EnergyMeter", package: "siftd"),
        .product(name: "HostIO", package: "siftd"), .product(name: "SiftCore", package: "siftd"),
      ], swiftSettings: strict),
    .executableTarget(
      name: "policy-bench",
      dependencies: [
        "BenchSupport", "CCountedMalloc", .product(name: "SiftCore", package: "siftd"),
        .product(name: "SiftPolicy", package: "siftd"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "link-bench",
      dependencies: ["BenchSupport", "CCountedMalloc", .product(name: "LinkMonitor", package: "siftd")],
      swiftSettings: strict),
    .executableTarget(
      name: "peer-bench",
      dependencies: [
        engine, .product(name: "SiftCluster", package: "siftd"), .product(name: "SiftCore", package: "siftd"),
      ], swiftSettings: strict),
  ]
)
