import EmbeddedText
import Testing

@Suite struct EmbeddedFileTests {
  static let folders = ["Policies", "Profiles", "Schemas"].filter { Repository.hasFolder($0) }

  @Test func theTableListsEveryFile() throws {
    let onDisk = try Self.folders.flatMap { try Repository.files(in: $0, suffix: ".json") }
    #expect(!onDisk.isEmpty)
    #expect(EmbeddedFile.paths == onDisk, "run `make embed` after adding or removing a file")
  }

  @Test(arguments: EmbeddedFile.paths) func whatIsCompiledInIsWhatIsOnDisk(path: String) throws {
    #expect(try EmbeddedFile.bytes(path) == Repository.bytes(path))
  }

  @Test func anUnknownPathIsNil() {
    #expect(EmbeddedFile.bytes("Policies/no-such-policy.json") == nil)
    #expect(EmbeddedFile.bytes("") == nil)
  }

  @Test func namesDropTheFolderAndTheSuffix() {
    #expect(EmbeddedFile.names(in: "Policies").contains("vllm-v1"))
    #expect(EmbeddedFile.names(in: "Policy").isEmpty)
  }
}
