import WireProtocol

/// One transition in the life of a request; the same one in a row counts up.
struct RequestEvent: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case arrived
    case passedOver = "passed_over"
    case admitted, resumed, chunked, paused, preempted
    case enginePreempted = "engine_preempted"
    case firstToken = "first_token"
    case blocked, ready, finished
  }

  var kind: Kind
  /// Of the first and the last Step in which it was so.
  var seq: UInt64
  var lastSeq: UInt64
  /// Microseconds since the request arrived, by the engine's clock.
  var ageUs: Int
  var lastAgeUs: Int
  var steps = 1
  /// Code of the reason in the plan; "" for what needs none.
  var code = ""
  var number = 0
  /// A sentence for people.
  var text: String
  /// Who was at the head of the queue with that reason, in the last of those Steps; "" when the reason is the
  /// request's own.
  var behind = ""

  init(_ kind: Kind, seq: UInt64, ageUs: Int, text: String) {
    self.kind = kind
    self.seq = seq
    lastSeq = seq
    self.ageUs = ageUs
    lastAgeUs = ageUs
    self.text = text
  }

  /// Whether `next` only says the same again.
  func isRepeated(by next: RequestEvent) -> Bool {
    kind == next.kind && code == next.code && kind != .preempted && kind != .enginePreempted
  }

  var json: JSONValue {
    [
      "event": .string(kind.rawValue), "seq": JSONValue(seq), "last_seq": JSONValue(lastSeq), "steps": JSONValue(steps),
      "age_us": JSONValue(ageUs), "last_age_us": JSONValue(lastAgeUs), "reason": .string(code),
      "number": JSONValue(number), "behind": .string(behind), "text": .string(text),
    ]
  }
}
