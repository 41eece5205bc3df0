import ArgumentParser
import Simulator
import WireProtocol

/// What the reference engine serves: the bundled workload or a trace, and its classes.
struct WorkloadOptions: ParsableArguments {
  static let requestsRange = 1...100_000_000
  static let copiesRange = 1...1_000
  static let greedyRange = 2...1_000
  static let arrivalNames = ArrivalProcess.Kind.allCases.map(\.rawValue).joined(separator: ", ")

  @Option(
    help: ArgumentHelp(
      "Trace (Azure, ServeGen, Mooncake, or lengths only; .gz too); default: generated.", valueName: "file"))
  var trace: String?
  @Option(help: ArgumentHelp("File with SLO classes and their shares.", valueName: "file")) var classes: String?
  @Option(help: ArgumentHelp("Requests of the generated workload.", valueName: "n")) var requests = 2000
  @Option(
    help: ArgumentHelp(
      "Generate requests of one kind: mean prompt and output tokens, no shared prefixes.", valueName: "prompt:output"))
  var lengths: String?
  @Option(help: ArgumentHelp("Mean arrivals per second, generated or drawn.", valueName: "x")) var rate = 20.0
  @Option(
    help: ArgumentHelp("Draw the arrivals, at --rate: \(Self.arrivalNames).", valueName: "process"))
  var arrivals: ArrivalProcess.Kind?
  @Option(help: ArgumentHelp("Coefficient of variation of the drawn gaps.", valueName: "x")) var cv: Double?
  @Option(help: ArgumentHelp("Arrivals come this much faster than they were.", valueName: "x")) var rateScale = 1.0
  @Option(help: ArgumentHelp("Stop after so many requests.", valueName: "n")) var first: Int?
  @Option(name: .customLong("repeat"), help: ArgumentHelp("Serve them so many times, back to back.", valueName: "n"))
  var copies = 1
  @Option(help: ArgumentHelp("One tenant (ServeGen: tenant-7) sends so many times as much.", valueName: "tenant=n"))
  var greedy: String?
  @Option(help: ArgumentHelp("Seed of everything that is drawn.", valueName: "n")) var seed: UInt64 = 1

  func validate() throws {
    guard Self.requestsRange.contains(requests) else {
      throw ValidationError("--requests \(requests): expected \(Self.requestsRange)")
    }
    if let lengths, trace != nil || workloadLengths == nil {
      throw ValidationError(
        "--lengths \(lengths): expected prompt:output, both in \(LengthsWorkload.tokensRange), and no --trace")
    }
    guard rate > 0, rate <= 1e6 else { throw ValidationError("--rate \(rate): expected more than 0, at most 1000000") }
    guard rateScale > 0, rateScale <= 1e6 else {
      throw ValidationError("--rate-scale \(rateScale): expected more than 0, at most 1000000")
    }
    guard Self.copiesRange.contains(copies) else {
      throw ValidationError("--repeat \(copies): expected \(Self.copiesRange)")
    }
    if let cv {
      guard let arrivals, arrivals != .poisson else {
        throw ValidationError("--cv needs --arrivals gamma or weibull; gaps of a Poisson process have 1")
      }
      guard ArrivalProcess.variationRange.contains(cv) else {
        throw ValidationError("--cv \(cv): expected \(ArrivalProcess.variationRange)")
      }
    }
    if let greedy, greedyTenant == nil {
      throw ValidationError("--greedy \(greedy): expected a tenant's name, = and \(Self.greedyRange)")
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
    var source =
      if let trace {
        WorkloadSource(.trace(path: trace, first: first), mix: mix, seed: seed)
      } else if let workloadLengths {
        WorkloadSource(
          .lengths(requests: min(requests, first ?? .max), ratePerS: rate, workloadLengths), mix: mix, seed: seed)
      } else {
        WorkloadSource(.generated(requests: min(requests, first ?? .max), ratePerS: rate), mix: mix, seed: seed)
      }
    source.arrivals = arrivals.map { ArrivalProcess($0, ratePerS: rate, variation: cv ?? 1) }
    source.copies = copies
    source.greedy = greedyTenant
    return source
  }

  private var workloadLengths: WorkloadLengths? {
    let parts = lengths?.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) } ?? []
    guard parts.count == 2, let prompt = parts[0], let output = parts[1],
      LengthsWorkload.tokensRange.contains(prompt), LengthsWorkload.tokensRange.contains(output)
    else { return nil }
    return WorkloadLengths(promptTokens: prompt, outputTokens: output)
  }

  private var greedyTenant: (tenant: String, times: Int)? {
    guard let greedy, let sign = greedy.lastIndex(of: "="), sign > greedy.startIndex,
      let times = Int(greedy[greedy.index(after: sign)...]), Self.greedyRange.contains(times)
    else { return nil }
    return (String(greedy[..<sign]), times)
  }
}

extension ArrivalProcess.Kind: ExpressibleByArgument {}
