import Testing

/// The reader behind the tidiness tests sees what it should.
@Suite struct SwiftSourceTests {
  private let source = SwiftSource(
    #"""
    import Glibc
    @preconcurrency import Foo
    // struct Hidden {
    public struct Outer: Sendable {
      struct Inner {}
      let text = "func no() { \(map { "}" }) \" }"
      init(
        _ x: Int
      ) {
        self.init()
      }
      func one() -> Int { 1 }
      func three(
        x: Int, y: [Int: (Int) -> Void] = [:]
      ) -> Int {
        let s = """
          }
          """
        return 1
      }
    }
    protocol P {
      func requirement()
      func another(x: Int) -> Int
    }
    extension Outer { /* } */ }
    """#)

  @Test func typesAndImports() {
    #expect(source.types.map(\.name) == ["Outer", "P"])
    #expect(source.extended == ["Outer"])
    #expect(source.imports == ["Glibc", "Foo"])
    #expect(!source.words.contains("Hidden"))
    #expect(source.words.contains("map"))
  }

  @Test func functionsAndTheirLength() {
    #expect(source.functions.map(\.name) == ["init", "one", "three"])
    #expect(source.functions.map(\.count) == [5, 1, 8])
    #expect(source.functions.first?.line == 7)
  }
}
