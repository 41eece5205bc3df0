import ArgumentParser
import Simulator
import WireProtocol

/// What the reference engine serves: the bundled workload or a trace, and its classes.
struct WorkloadOptions: ParsableArguments {
  static let requestsRange = 1...100_000_000

  @Option(
    help: ArgumentHelp("Trace in the Azure, ServeGen or Mooncake format; default: generated.", valueName: "file"))
  var trace: String?
  @Option(help: ArgumentHelp("File with SLO classes and their shares.", valueName: "file")) var classes: String?
  @Option(help: ArgumentHelp("Requests of the generated workload.", valueName: "n")) var requests = 2000
  @Option(help: ArgumentHelp("Mean arrivals per second of the generated workload.", valueName: "x")) var rate = 20.0
  @Option(help: ArgumentHelp("Arrivals come this much faster than they were.", valueName: "x")) var rateScale = 1.0
  @Option(help: ArgumentHelp("Stop after so many requests.", valueName: "n")) var first: Int?
  @Option(help: ArgumentHelp("Seed of everything that is drawn.", valueName: "n")) var seed: UInt64 = 1

  func validate() throws {
    guard Self.requestsRange.contains(requests) else {
      throw ValidationError("--requests \(requests): expected \(Self.requestsRange)")
    }
    guard rate > 0, rate <= 1e6 else { throw ValidationError("--rate \(rate): expected more than 0, at most 1000000") }
    guard rateScale > 0, rateScale <= 1e6 else {
      throw ValidationError("--rate-scale \(rateScale): expected more than 0, at most 1000000")
    }
    if let first, first < 1 { throw ValidationError("--first \(first): expected at least 1") }
  }

  func mix() throws(CommandFailure) -> ClassMix {
    guard let classes else { return .standard }
    let bytes = try InputFile.bytes(classes)
    do throws(WorkloadError) { return try ClassMix.decode(bytes: bytes) } catch {
      throw CommandFailure(.badConfiguration, "\(classes): \(error.description)")
    }
  }

  func workload(_ mix: ClassMix) throws(CommandFailure) -> any Workload {
    do throws(WorkloadError) { return try source(mix).open(rateScale: rateScale) } catch {
      throw CommandFailure(.failed, error.description)
    }
  }

  /// The requests at their own rate.
  func source(_ mix: ClassMix) -> WorkloadSource {
    guard let trace else {
      return WorkloadSource(
        .generated(requests: min(requests, first ?? .max), ratePerS: rate), mix: mix, seed: seed)
    }
    return WorkloadSource(.trace(path: trace, first: first), mix: mix, seed: seed)
  }
}
