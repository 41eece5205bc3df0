// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
]
let strictC: [CSetting] = [.unsafeFlags(["-std=c17", "-Wall", "-Wextra", "-Werror"]), .define("_GNU_SOURCE")]

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
  name: "coxswain",
  products: [
    .executable(name: "coxswain", targets: ["coxswain"]),
    .executable(name: "coxswain-probe", targets: ["coxswain-probe"]),
    .library(name: "SchedulerCore", targets: ["SchedulerCore"]),
    .library(name: "WireProtocol", targets: ["WireProtocol"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .target(name: "CShim", path: "CShim/Shim", cSettings: strictC, linkerSettings: [.linkedLibrary("numa")]),
    .executableTarget(
      name: "coxswain-probe", path: "CShim/Probe", cSettings: strictC,
      linkerSettings: [.linkedLibrary("hwloc"), .linkedLibrary("numa"), .linkedLibrary("cjson")]),
    .target(
      name: "EmbeddedFiles",
      cSettings: [.unsafeFlags(["-std=c17", "-Wall", "-Wextra", "-Werror", "-Wno-c23-extensions"])]),
    .target(name: "EmbeddedText", dependencies: ["EmbeddedFiles"], swiftSettings: strict),
    // squareRoot() of the time model may become a call.
    .target(name: "SchedulerCore", swiftSettings: strict, linkerSettings: [.linkedLibrary("m")]),
    .target(name: "WireProtocol", dependencies: ["SchedulerCore"], swiftSettings: strict),
    .target(name: "Policy", dependencies: ["SchedulerCore", "WireProtocol", "EmbeddedText"], swiftSettings: strict),
    .target(name: "WireClient", dependencies: ["WireProtocol"], swiftSettings: strict),
    .target(
      name: "HardwareProbes", dependencies: ["CShim", "SchedulerCore", "WireProtocol"], swiftSettings: strict),
    .target(
      name: "Sidecar",
      dependencies: [
        "SchedulerCore", "WireProtocol", "Policy", logging,
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ], swiftSettings: strict),
    .target(
      name: "Simulator", dependencies: ["SchedulerCore", "WireProtocol", "WireClient", "Policy", "EmbeddedText"],
      swiftSettings: strict),
    .executableTarget(
      name: "coxswain",
      dependencies: [
        "SchedulerCore", "WireProtocol", "WireClient", "HardwareProbes", "Sidecar", "Simulator", "Policy",
        "EmbeddedText", logging,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ], swiftSettings: strict),
    .testTarget(name: "SchedulerCoreTests", dependencies: ["SchedulerCore"], swiftSettings: strict),
    .testTarget(
      name: "WireProtocolTests", dependencies: ["SchedulerCore", "WireProtocol"], swiftSettings: strict),
    .testTarget(
      name: "PolicyTests", dependencies: ["Policy", "SchedulerCore", "WireProtocol"], swiftSettings: strict),
    .testTarget(
      name: "SchemaTests", dependencies: ["SchedulerCore", "WireProtocol", "Policy", "Simulator", "EmbeddedText"],
      swiftSettings: strict),
    .testTarget(
      name: "HardwareProbesTests", dependencies: ["HardwareProbes", "SchedulerCore", "WireProtocol"],
      swiftSettings: strict),
    .testTarget(
      name: "SidecarTests",
      dependencies: [
        "Sidecar", "Simulator", "WireClient", "WireProtocol", "SchedulerCore", "Policy", "EmbeddedText", logging,
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "SimulatorTests", dependencies: ["Simulator", "SchedulerCore", "WireProtocol", "Policy"],
      swiftSettings: strict),
    .testTarget(
      name: "CommandTests", dependencies: ["coxswain", "WireClient", "WireProtocol", "HardwareProbes"],
      swiftSettings: strict),
  ]
)
