import Glibc
import Simulator
import WireProtocol

/// `--profile`: the name of a bundled GPU profile or the path of a file.
enum ProfileArgument {
  static func load(_ name: String) throws(CommandFailure) -> GPUProfile {
    do throws(CallError) {
      if let profile = try GPUProfile.bundled(name) { return profile }
      guard access(name, F_OK) == 0 else {
        throw CallError(
          .notFound, "no such file, and no profile of that name; profiles: \(GPUProfile.names.joined(separator: ", "))")
      }
      let bytes: [UInt8]
      do throws(CommandFailure) { bytes = try InputFile.bytes(name) } catch {
        throw CallError(.notFound, error.message ?? "unreadable")
      }
      return try GPUProfile.decode(bytes: bytes)
    } catch {
      throw CommandFailure(.badConfiguration, "profile \(name): \(error.message)")
    }
  }
}
