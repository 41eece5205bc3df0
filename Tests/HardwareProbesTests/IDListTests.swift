import SchedulerCore
import Testing

@Suite struct IDListTests {
  @Test(arguments: ["", "0", "0-3", "0-3,8", "1,3,5-7,128-255"])
  func readsAndWritesTheKernelsNotation(_ text: String) { #expect(IDList(text)?.description == text) }

  @Test(arguments: [",", "0-", "-1", "3-1", "0,,1", "a", "0-99999999999999999999", "0-", "0-70000"])
  func refusesWhatIsNoList(_ text: String) { #expect(IDList(text) == nil) }

  @Test func setOperations() {
    let a = IDList([5, 1, 2, 2, 3])
    #expect(a.ids == [1, 2, 3, 5])
    #expect(a.intersection(IDList("2-4") ?? IDList()).ids == [2, 3])
    #expect(a.subtracting(IDList([1])).description == "2-3,5")
    #expect(a.union(IDList([4])).description == "1-5")
    #expect(a.contains(5) && !a.contains(4) && !a.contains(6) && !a.contains(0))
  }
}
