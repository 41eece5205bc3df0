/// Where requests come from, so that the same ones can be had again, at other rates.
public struct WorkloadSource: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// A trace file; `first` cuts it short.
    case trace(path: String, first: Int?)
    case generated(requests: Int, ratePerS: Double)
  }

  public var kind: Kind
  public var mix: ClassMix
  public var seed: UInt64

  public init(_ kind: Kind, mix: ClassMix, seed: UInt64) {
    self.kind = kind
    self.mix = mix
    self.seed = seed
  }

  /// What people call it.
  public var name: String {
    switch kind {
    case .trace(let path, let first):
      String(path.split(separator: "/").last ?? "") + (first.map { ", first \($0)" } ?? "")
    case .generated(let requests, _): "generated, \(requests) requests"
    }
  }

  /// The requests from the start, arriving `rateScale` times as fast.
  public func open(rateScale: Double) throws(WorkloadError) -> any Workload {
    switch kind {
    case .trace(let path, let first):
      try TraceWorkload(path: path, mix: mix, rateScale: rateScale, first: first, seed: seed)
    case .generated(let requests, let ratePerS):
      GeneratedWorkload(requests: requests, ratePerS: ratePerS * rateScale, mix: mix, seed: seed)
    }
  }
}
