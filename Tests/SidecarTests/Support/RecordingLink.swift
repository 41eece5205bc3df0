import SchedulerCore
import Simulator
import WireProtocol

/// Messages in the order in which an engine sent them.
final class SentMessages {
  var lines: [String] = []
}

/// Passes everything on and keeps the messages.
struct RecordingLink: SchedulerLink {
  var link: any SchedulerLink
  let sent: SentMessages

  init(_ link: any SchedulerLink, _ sent: SentMessages) {
    self.link = link
    self.sent = sent
  }

  var policyName: String { link.policyName }

  mutating func register(_ engine: EngineDescription) throws(EngineRunError) -> UInt64 {
    sent.lines.append(RegisterMessage.encode(engine).text)
    return try link.register(engine)
  }

  mutating func step(_ delta: StepDelta, into reply: inout StepReply) throws(EngineRunError) {
    var writer = JSONWriter()
    StepCodec.encode(delta, into: &writer)
    sent.lines.append(String(decoding: writer.bytes, as: UTF8.self))
    try link.step(delta, into: &reply)
  }

  mutating func finish() { link.finish() }
}
