import Glibc
import Policy
import Sidecar
import WireProtocol

/// `--policy`: the name of a preset or the path of a file; without it, the preset `balanced`.
enum PolicyArgument {
  /// Every error of a file is reported, one line each; the command ends with 78.
  static func load(_ argument: String?) throws(CommandFailure) -> PolicyDocument {
    let name = argument ?? PolicyDocument.servedPresetName
    if let preset = PolicyDocument.preset(name) { return preset }
    let bytes = try self.bytes(name)
    do throws(PolicyErrors) {
      return try PolicyDocument.decode(bytes: bytes)
    } catch {
      let lines = error.errors.map { "\n  \($0.text)" }.joined()
      throw CommandFailure(.badConfiguration, "policy \(name) is not valid:\(lines)")
    }
  }

  /// The same for the sidecar, which may know a good policy when this one is wrong. A file is read anew each time.
  static func source(_ argument: String?, reloads: AsyncStream<Void>) -> PolicySource {
    PolicySource(
      load: {
        let name = argument ?? PolicyDocument.servedPresetName
        if let preset = PolicyDocument.preset(name) { return PolicyLoad(preset) }
        do throws(CommandFailure) { return PolicyLoad(bytes: try bytes(name)) } catch {
          return PolicyLoad(json: nil, outcome: .failure(.unreadable(error.message ?? name)))
        }
      }, reloads: reloads)
  }

  /// The text of a preset or file, unchecked.
  static func bytes(_ name: String) throws(CommandFailure) -> [UInt8] {
    guard name == "-" || access(name, F_OK) == 0 else {
      let presets = PolicyDocument.presetNames.joined(separator: ", ")
      let meant = Spelling.nearest(to: name, among: PolicyDocument.presetNames)
      throw CommandFailure(
        .badConfiguration,
        "no policy file \(name), and no preset of that name; "
          + (meant.map { "did you mean \($0)?" } ?? "presets: \(presets)"))
    }
    do throws(CommandFailure) {
      return try InputFile.bytes(name)
    } catch {
      throw CommandFailure(.badConfiguration, error.message)
    }
  }
}
