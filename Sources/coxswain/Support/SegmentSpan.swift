import Sidecar
import WireProtocol

/// What one stretch of a recording covers.
struct SegmentSpan {
  var session: String
  var server: String
  var steps = 0
  var firstSeq: UInt64?
  var lastSeq: UInt64 = 0
  var firstUs = 0
  var lastUs = 0
  var policies: [String]

  init(_ segment: RecordingSegment) {
    session = segment.start.session
    server = "\(segment.start.core.engine.serverID)/\(segment.start.core.engine.dpRank)"
    policies = ["\(segment.start.policy.document.config.name) (\(segment.start.policy.generation))"]
    segment.forEachEntry { entry in
      switch entry {
      case .policy(let policy): policies.append("\(policy.document.config.name) (\(policy.generation))")
      case .resources: break
      case .step(let step):
        if firstSeq == nil { (firstSeq, firstUs) = (step.seq, step.atUs) }
        (lastSeq, lastUs) = (step.seq, step.atUs)
        steps += 1
      }
      return true
    }
  }

  var json: JSONValue {
    [
      "session": .string(session), "server": .string(server), "steps": JSONValue(steps),
      "first_seq": JSONValue(firstSeq ?? 0), "last_seq": JSONValue(lastSeq), "span_us": JSONValue(lastUs - firstUs),
      "policies": .array(policies.map { .string($0) }),
    ]
  }

  static func table(_ spans: [SegmentSpan]) -> TextTable {
    var table = TextTable(["SESSION", "SERVER", ">STEPS", ">FROM", ">TO", ">SPAN", "POLICY"])
    for span in spans {
      table.add([
        span.session, span.server, Quantity.count(span.steps), "\(span.firstSeq ?? 0)", "\(span.lastSeq)",
        Quantity.duration(us: span.lastUs - span.firstUs), span.policies.joined(separator: ", "),
      ])
    }
    return table
  }
}
