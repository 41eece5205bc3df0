import SchedulerCore
import Testing

struct ResidentAdaptersTests {
  private func loads(_ resident: inout ResidentAdapters, _ adapters: [Int32]) -> Int {
    resident.open()
    for adapter in adapters { resident.use(adapter) }
    return resident.close()
  }

  @Test func theLeastRecentlyUsedGoes() {
    var resident = ResidentAdapters(capacity: 2)
    #expect([1, 2, 1, 3, 1, 2].map { loads(&resident, [$0]) } == [1, 1, 0, 1, 0, 1])
  }

  /// 3 takes the place of 2, although 1 was used longer ago: the iteration itself needs 1, whichever it names first.
  @Test(arguments: [[3, 1], [1, 3]] as [[Int32]])
  func whatTheIterationNamesStays(named: [Int32]) {
    var resident = ResidentAdapters(capacity: 2)
    #expect(loads(&resident, [1]) == 1)
    #expect(loads(&resident, [2]) == 1)
    #expect(loads(&resident, named) == 1)
    #expect(resident.contains(1) && resident.contains(3) && !resident.contains(2))
  }

  @Test func nothingIsLoadedTwiceInOneIteration() {
    var resident = ResidentAdapters(capacity: 3)
    #expect(loads(&resident, [4, 4, 0, 4]) == 2)
    #expect(resident.count == 2)
    resident.removeAll()
    #expect(resident.count == 0 && !resident.contains(4))
    #expect(loads(&resident, [4]) == 1)
  }
}
