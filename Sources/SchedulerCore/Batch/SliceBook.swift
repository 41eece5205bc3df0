/// Who is within its slice of decode iterations, and since when the others stand for re-decision (slice-level
/// scheduling, Cheng et al., arXiv 2406.13511). An iteration makes at least one token, so that a slice is counted in
/// output tokens: with drafts it is over sooner.
struct SliceBook: Codable, Sendable {
  private struct Slice: Codable, Sendable {
    var serial: RequestSerial
    var startTokens: Int
    /// Session time in microseconds; -1 within the slice.
    var endedUs: Int64 = -1
  }

  let iterations: Int
  /// By slot.
  private var slices: ContiguousArray<Slice> = []

  init(policy: PolicyConfig) { iterations = policy.batch.sliceIterations }

  /// A request is served anew.
  mutating func begin(slot: Int, _ request: Request) {
    let slice = Slice(serial: request.serial, startTokens: request.outputTokens)
    if slot >= slices.count { slices.append(contentsOf: repeatElement(slice, count: slot + 1 - slices.count)) }
    slices[slot] = slice
  }

  /// When a running request's slice ended, in session time; nil within it. One that is not known yet begins a slice.
  mutating func endedUs(slot: Int, _ request: Request, nowUs: Int64) -> Int64? {
    guard slot < slices.count, slices[slot].serial == request.serial else {
      begin(slot: slot, request)
      return nil
    }
    if slices[slot].endedUs < 0, request.outputTokens - slices[slot].startTokens >= iterations {
      slices[slot].endedUs = max(0, nowUs)
    }
    return slices[slot].endedUs < 0 ? nil : slices[slot].endedUs
  }
}
