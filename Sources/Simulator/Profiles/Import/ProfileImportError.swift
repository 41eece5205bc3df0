/// Why a profile could not be made of measurements: the file, the line where there is one, and what was expected.
public struct ProfileImportError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
  init(_ error: WorkloadError) { description = error.description }
}
