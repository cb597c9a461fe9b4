// swift-tools-version: 6.2
import PackageDescription

/// Warnings are errors if `CI` is set.
let strict: [SwiftSetting] = Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// Settings that shorten the work of the dynamic linker before `main`, a good part of the time of a short command. The
/// binary has some forty thousand addresses to adjust: lld writes them in a form a tenth as long (DT_RELR, for glibc 2.36
/// and newer: Debian 12). The binary exports no symbols, and links libstdc++, of which the Swift runtime needs little,
/// statically.
let quickStart: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs", "-Xlinker", "--no-export-dynamic",
      "-L\(Context.packageDirectory)/Sources/Bindings/StaticLink", "-Xclang-linker", "-static-libgcc",
      "\(Context.packageDirectory)/Sources/Bindings/StaticLink/FoundationEssentials.so",
    ], .when(configuration: .release))
]

/// For rooms that are not in a hurry: with them optimized for size, the binary is 1 % smaller.
let small: [SwiftSetting] = [.unsafeFlags(["-Osize"], .when(configuration: .release))]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

/// The fuzzer, which `Tests/Fuzz/run` builds: libFuzzer has its `main`.
let fuzzer: [Target] =
  Context.environment["AST_FUZZ"] == nil
  ? []
  : [
    .executableTarget(
      name: "fuzz", dependencies: ["FuzzEntries", system], path: "Tests/Fuzz/Fuzzer",
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])])
  ]

let package = Package(
  name: "ast",
  products: [.executable(name: "ast", targets: ["ast"]), .executable(name: "ast-init", targets: ["ast-init"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .systemLibrary(
      name: "CBtrfsUtil", path: "Sources/Bindings/CBtrfsUtil", pkgConfig: "libbtrfsutil",
      providers: [.apt(["libbtrfsutil-dev"])]),
    .systemLibrary(
      name: "CSQLite", path: "Sources/Bindings/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CZlib", path: "Sources/Bindings/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CBtrfs", path: "Sources/Bindings/CBtrfs"),
    .target(
      name: "CFailPoints", path: "Sources/Bindings/CFailPoints",
      cSettings: [.define("FAILPOINTS", .when(configuration: .debug))]),
    .target(name: "CFiles", path: "Sources/Bindings/CFiles"),
    .target(name: "CSandbox", path: "Sources/Bindings/CSandbox"),
    .systemLibrary(name: "CXattr", path: "Sources/Bindings/CXattr"),
    .target(
      name: "SQLite", dependencies: ["CSQLite", system], path: "Sources/Bindings/SQLite", swiftSettings: strict),
    .target(
      name: "Btrfs", dependencies: ["CBtrfs", "CBtrfsUtil", system], path: "Sources/Bindings/Btrfs",
      swiftSettings: strict),
    .target(name: "SnapshotTree", dependencies: ["SQLite", system], swiftSettings: strict),
    .target(
      name: "Sandbox", dependencies: ["CSandbox", system], path: "Sources/Bindings/Sandbox", swiftSettings: strict),
    .target(
      name: "DebianFormats", dependencies: ["CZlib", system], path: "Sources/Formats/DebianFormats",
      swiftSettings: strict),
    .target(name: "FileTrees", dependencies: [system], path: "Sources/Formats/FileTrees", swiftSettings: strict),
    .target(name: "Etc", dependencies: ["FileTrees", system], path: "Sources/Formats/Etc", swiftSettings: strict),
    .target(name: "Grub", dependencies: [system], path: "Sources/Formats/Grub", swiftSettings: strict),
    .target(
      name: "SystemFiles", dependencies: [system], path: "Sources/System/SystemFiles",
      resources: [.embedInCode("files"), .embedInCode("units")], swiftSettings: strict),
    .target(
      name: "Host",
      dependencies: [
        "Btrfs", "CFailPoints", "CFiles", "CSandbox", "CXattr", "FileTrees", "Sandbox", "Settings", "SnapshotTree",
        system,
      ],
      path: "Sources/System/Host", swiftSettings: strict),
    .target(
      name: "Rootfs",
      dependencies: [
        "Btrfs", "CFiles", "CXattr", "DebianFormats", "Etc", "FileTrees", "Host", "Sandbox", "SnapshotTree",
        "SystemFiles", system,
      ],
      path: "Sources/System/Rootfs", swiftSettings: strict),
    .target(
      name: "Store",
      dependencies: [
        "Btrfs", "CFiles", "DebianFormats", "Etc", "Grub", "Host", "Rootfs", "Sandbox", "Settings", "SnapshotTree",
        system,
      ],
      resources: [.embedInCode("files")], swiftSettings: strict),
    .target(
      name: "Nodes",
      dependencies: [
        "Btrfs", "DebianFormats", "FileTrees", "Host", "Rootfs", "Sandbox", "Settings", "SnapshotTree", "Store", system,
      ],
      path: "Sources/Operations/Nodes", swiftSettings: strict),
    .target(
      name: "Packages",
      dependencies: [
        "Btrfs", "DebianFormats", "Host", "Nodes", "Rootfs", "Sandbox", "Settings", "SnapshotTree", "Store", system,
      ],
      path: "Sources/Operations/Packages", swiftSettings: strict),
    .target(
      name: "Boot",
      dependencies: [
        "Btrfs", "DebianFormats", "Etc", "Grub", "Host", "Nodes", "Rootfs", "Sandbox", "SnapshotTree", "Store", system,
      ],
      path: "Sources/Operations/Boot", swiftSettings: strict + small),
    .target(
      name: "Live",
      dependencies: [
        "Boot", "Btrfs", "DebianFormats", "Etc", "Host", "Packages", "Rootfs", "Sandbox", "SnapshotTree", "Store",
        system,
      ],
      path: "Sources/Operations/Live", swiftSettings: strict + small),
    .target(
      name: "Machines",
      dependencies: [
        "Boot", "Btrfs", "CFiles", "DebianFormats", "Etc", "Grub", "Host", "Nodes", "Rootfs", "Sandbox", "Settings",
        "SnapshotTree", "Store", "SystemFiles", system,
      ],
      path: "Sources/Operations/Machines", swiftSettings: strict + small),
    .target(
      name: "Upkeep",
      dependencies: [
        "Boot", "Btrfs", "DebianFormats", "Host", "Nodes", "Packages", "Rootfs", "Settings", "SnapshotTree", "Store",
        system,
      ],
      path: "Sources/Operations/Upkeep", swiftSettings: strict + small),
    .target(name: "Settings", dependencies: [system], path: "Sources/Formats/Settings", swiftSettings: strict),
    .target(
      name: "TOMLFiles", dependencies: ["Settings", system], path: "Sources/Formats/TOMLFiles", swiftSettings: strict),
    .executableTarget(
      name: "ast",
      dependencies: [
        "Boot", "Btrfs", "DebianFormats", "Etc", "FileTrees", "Host", "Live", "Machines", "Nodes", "Packages", "Rootfs",
        "Settings", "SnapshotTree", "Store", "TOMLFiles", "Upkeep", argumentParser, system,
      ],
      swiftSettings: strict + small,
      linkerSettings: quickStart),
    // The first program of a start. It is C alone, and links nothing but the C library.
    .executableTarget(
      name: "ast-init", cSettings: [.unsafeFlags(["-Wall", "-Wextra"])],
      linkerSettings: [.unsafeFlags(["-static-executable", "-nostartfiles"])]),

    .target(
      name: "TestSupport", dependencies: ["Btrfs", system], path: "Tests/TestSupport", swiftSettings: strict),
    .executableTarget(
      name: "Benchmarks", dependencies: ["Btrfs", "SnapshotTree", "TestSupport", system], path: "Tests/Benchmarks",
      swiftSettings: strict),
    .executableTarget(
      name: "debian-packages", dependencies: ["Btrfs", "TestSupport", system], path: "Tests/DebianPackages",
      exclude: ["run"], swiftSettings: strict),
    .executableTarget(
      name: "test-runner", dependencies: ["TestSupport", system], path: "Tests/Runner", swiftSettings: strict),
    .target(name: "CAstInit", path: "Tests/Fuzz/AstInit"),
    .target(
      name: "FuzzEntries",
      dependencies: [
        "Boot", "CAstInit", "DebianFormats", "Etc", "FileTrees", "Grub", "Host", "Machines", "Packages", "Rootfs",
        "Sandbox", "Settings", "SnapshotTree", "Store", "TestSupport", "TOMLFiles", system,
      ],
      path: "Tests/Fuzz/Entries", swiftSettings: strict),
    .testTarget(
      name: "FuzzTests", dependencies: ["FuzzEntries", "TestSupport", system], path: "Tests/Fuzz/Replay",
      swiftSettings: strict),
    .testTarget(name: "GroundPlanTests", dependencies: ["TestSupport", system], swiftSettings: strict),
    .testTarget(name: "SQLiteTests", dependencies: ["SQLite", "TestSupport", system], swiftSettings: strict),
    .testTarget(name: "BtrfsTests", dependencies: ["Btrfs", "CBtrfs", "TestSupport", system], swiftSettings: strict),
    .testTarget(
      name: "SnapshotTreeTests", dependencies: ["CSQLite", "SnapshotTree", "SQLite", "TestSupport", system],
      swiftSettings: strict),
    .testTarget(
      name: "DebianFormatsTests", dependencies: ["DebianFormats", "TestSupport", system], swiftSettings: strict),
    .testTarget(
      name: "EtcTests", dependencies: ["Etc", "FileTrees", "TestSupport", system], swiftSettings: strict),
    .testTarget(name: "GrubTests", dependencies: ["Grub", "TestSupport", system], swiftSettings: strict),
    .testTarget(
      name: "GrubMenuTests", dependencies: ["Grub", "TestSupport", system], path: "Tests/Boot/grub",
      exclude: ["kernel.S"], swiftSettings: strict),
    .testTarget(
      name: "SettingsTests", dependencies: ["Settings", "SystemFiles", "TOMLFiles", system], swiftSettings: strict),
    .testTarget(
      name: "HostTests", dependencies: ["FileTrees", "Host", "TestSupport", system], swiftSettings: strict),
    .testTarget(
      name: "RootfsTests",
      dependencies: [
        "Btrfs", "DebianFormats", "Etc", "FileTrees", "Host", "Rootfs", "Sandbox", "TestSupport", system,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "NodesTests",
      dependencies: ["Btrfs", "DebianFormats", "Nodes", "SnapshotTree", "Store", "TestSupport", system],
      swiftSettings: strict),
    .testTarget(
      name: "BootTests",
      dependencies: ["Boot", "DebianFormats", "Etc", "Host", "Nodes", "SnapshotTree", "Store", "TestSupport", system],
      swiftSettings: strict),
    .testTarget(name: "LiveTests", dependencies: ["DebianFormats", "Live"], swiftSettings: strict),
    .testTarget(
      name: "MachinesTests", dependencies: ["Host", "Machines", "Rootfs", "Store", "TestSupport", system],
      swiftSettings: strict),
    .testTarget(
      name: "UpkeepTests",
      dependencies: [
        "Boot", "DebianFormats", "Host", "Packages", "Settings", "SnapshotTree", "Store", "TestSupport", "TOMLFiles",
        "Upkeep", system,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "AstTests", dependencies: ["ast", "Btrfs", "SnapshotTree", "TestSupport", system], swiftSettings: strict),
    .executableTarget(
      name: "replace-boot-file", dependencies: ["Host", system], path: "Tests/ReplaceBootFile", swiftSettings: strict),
    .testTarget(
      name: "CrashStateTests", dependencies: ["ast", "replace-boot-file", "TestSupport", system], swiftSettings: strict),
    .testTarget(
      name: "CampaignTests", dependencies: ["ast", "TestSupport", system], path: "Tests/Campaign", exclude: ["run"],
      swiftSettings: strict),
    .executableTarget(
      name: "sandbox-driver", dependencies: ["Sandbox", system], path: "Tests/SandboxDriver", swiftSettings: strict),
    .testTarget(
      name: "SandboxTests", dependencies: ["Sandbox", "sandbox-driver", "TestSupport", system], swiftSettings: strict),
  ] + fuzzer,
  swiftLanguageModes: [.v6]
)
