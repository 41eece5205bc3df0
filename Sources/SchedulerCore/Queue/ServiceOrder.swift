/// What the order of service goes by, as far as waiting-time estimates can foresee it.
enum ServiceOrder: Codable, Sendable {
  case arrival
  /// Class rank, then arrival.
  case rank
  /// Deadline of the first token.
  case deadline
  /// Something else, or more than that: what a group gets of the service is measured.
  case measured

  init(_ ordering: PolicyConfig.Ordering) {
    switch ordering {
    case .fcfs: self = .arrival
    case .priority: self = .rank
    case .edf, .leastSlack: self = .deadline
    case .vtc, .dlpm, .weightedFair, .sjfPredicted, .srpt, .mlfq, .qoserve, .mooreHodgson, .goodput: self = .measured
    }
  }
}
