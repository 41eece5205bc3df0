/// The stability gate: drafts may go on while they pay, whatever the estimates say. Every settled iteration books what
/// its drafts gained against what they cost; a small share of the time is granted for trying. Overdrawn, the gate
/// closes until enough has been granted anew: acceptance that no estimate can follow costs that share and no more.
struct SpeculationAccount: Codable, Sendable {
  /// Never more is at stake at once, in microseconds.
  static let mostUs = 200_000.0
  static let startUs = 50_000.0
  /// A closed gate opens with so much.
  static let openUs = 20_000.0

  private(set) var balanceUs = Self.startUs
  private(set) var isOpen = true
  private let grantedShare: Double

  init(lossLimitPpm: Int) { grantedShare = Double(lossLimitPpm) / 1_000_000 }

  func with(lossLimitPpm: Int) -> SpeculationAccount {
    var account = SpeculationAccount(lossLimitPpm: lossLimitPpm)
    account.balanceUs = balanceUs
    account.isOpen = isOpen
    return account
  }

  /// An iteration without drafts.
  mutating func grant(elapsedUs: Double) { book(grantedShare * elapsedUs) }

  /// Without drafts each token would have taken its share of the decodes' time.
  mutating func observe(_ iteration: DraftedIteration) {
    let shareUs = iteration.decodeUs / Double(max(1, iteration.sequences))
    let gainUs = Double(iteration.accepted) * shareUs - (iteration.elapsedUs - iteration.plainUs)
    book(gainUs + grantedShare * iteration.elapsedUs)
  }

  private mutating func book(_ us: Double) {
    balanceUs = min(Self.mostUs, max(-Self.mostUs, balanceUs + us))
    if balanceUs < 0 {
      isOpen = false
    } else if balanceUs >= Self.openUs {
      isOpen = true
    }
  }
}
