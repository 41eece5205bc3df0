import SchedulerCore
import Simulator
import WireProtocol

/// Messages in the order in which an engine sent them.
final class Recording {
  var lines: [String] = []
}

/// Passes everything on and keeps the messages.
struct RecordingLink: SchedulerLink {
  var link: any SchedulerLink
  let recording: Recording

  init(_ link: any SchedulerLink, _ recording: Recording) {
    self.link = link
    self.recording = recording
  }

  var policyName: String { link.policyName }

  mutating func register(_ engine: EngineDescription) throws(EngineRunError) -> UInt64 {
    recording.lines.append(RegisterMessage.encode(engine).text)
    return try link.register(engine)
  }

  mutating func step(_ delta: StepDelta, into reply: inout StepReply) throws(EngineRunError) {
    var writer = JSONWriter()
    StepCodec.encode(delta, into: &writer)
    recording.lines.append(String(decoding: writer.bytes, as: UTF8.self))
    try link.step(delta, into: &reply)
  }

  mutating func finish() { link.finish() }
}
