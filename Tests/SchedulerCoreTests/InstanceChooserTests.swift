import SchedulerCore
import Testing

/// Which instance gets a request: Mooncake's sum, Llumnix's freeness.
@Suite struct InstanceChooserTests {
  private func view(
    _ id: String, queuedUs: Int = 0, running: Int = 0, free: Int = 100_000, head: Int = 0, hit: Int = 0,
    transferNs: Int = 2_000
  ) -> InstanceView {
    InstanceView(
      id: id, queuedPrefillUs: queuedUs, runningRequests: running, kvFreeTokens: free, headDemandTokens: head,
      hitTokens: hit, prefillNsPerToken: 20_000, transferNsPerToken: transferNs)
  }

  private func choose(_ views: [InstanceView], prompt: Int = 1_000, canFetch: Bool = false) -> InstanceChoice? {
    InstanceChooser.choose(promptTokens: prompt, model: "", among: views, canFetch: canFetch)
  }

  /// 1,000 tokens at 20 us: 20 ms where nothing is cached; 8 ms after a hit of 600, which a queue of 13 ms undoes.
  @Test func prefixAgainstLoad() {
    #expect(choose([view("a"), view("b", queuedUs: 11_000, hit: 600)])?.index == 1)
    let choice = choose([view("a"), view("b", queuedUs: 13_000, hit: 600)])
    #expect(choice?.index == 0)
    #expect(choice?.totalUs == 20_000)
    #expect(choice?.prefillUs == 20_000)
    #expect(choice?.cause == .leastTime)
  }

  /// The idle one fetches 600 tokens at 2 us and computes 400: 9.2 ms against 13 + 8.
  @Test func aLongPrefixElsewhereIsFetched() {
    let views = [view("a"), view("b", queuedUs: 13_000, hit: 600)]
    let choice = choose(views, canFetch: true)
    #expect(choice?.index == 0)
    #expect(choice?.transferUs == 1_200)
    #expect(choice?.prefillUs == 8_000)
    #expect(choice?.transferredTokens == 600)
    // Twice the own prefix is not enough, one token more is.
    #expect(choose([view("a", hit: 300), views[1]], canFetch: true)?.transferredTokens == 0)
    #expect(choose([view("a", hit: 299), views[1]], canFetch: true)?.transferredTokens == 301)
  }

  /// (free - demand of the queue's head) / batch.
  @Test func freeness() {
    #expect(view("a", running: 4, free: 1_000).freenessTokens == 250)
    #expect(view("a", running: 4, free: 1_000, head: 2_000).freenessTokens == -250)
    #expect(view("a", free: 1_000).freenessTokens == 1_000)
    let choice = choose([view("a", running: 4), view("b", running: 2)])
    #expect(choice?.index == 1)
    #expect(choice?.cause == .mostFree)
    #expect(choose([view("b", running: 2), view("a", running: 2)])?.index == 1)
  }

  @Test func aWholePromptInTheCacheStillComputesOneToken() {
    #expect(choose([view("a", hit: 1_000)])?.prefillUs == 20)
  }

  @Test func whoCannotTakeItIsPassedOver() {
    var decoder = view("a")
    decoder.takesPrompts = false
    var other = view("b")
    other.model = "other"
    #expect(choose([decoder, other, view("c", free: 999)]) == nil)
    #expect(choose([decoder, other, view("c", free: 999), view("d", queuedUs: 1_000_000)])?.index == 3)
    #expect(choose([]) == nil)
  }

  /// Any order of the views gives the same instance, of the model and with room, and the sum is the least.
  @Test(arguments: UInt64(1)...40)
  func theOrderDoesNotMatter(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func draw(_ count: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(count))
    }
    for _ in 0..<50 {
      var views = (0..<8).map { index in
        var view = view(
          "i\(index)", queuedUs: draw(3) * 5_000, running: draw(4), free: draw(3) * 1_000, head: draw(2) * 500,
          hit: draw(4) * 250)
        view.model = draw(4) == 0 ? "other" : ""
        view.takesPrompts = draw(5) > 0
        return view
      }
      let canFetch = draw(2) == 0
      let first = choose(views, canFetch: canFetch)
      let name = first.map { views[$0.index].id }
      if let first {
        let view = views[first.index]
        #expect(view.model.isEmpty && view.takesPrompts && 1_000 - view.hitTokens <= view.kvFreeTokens, "\(seed)")
      }
      for place in stride(from: 7, to: 0, by: -1) { views.swapAt(place, draw(place + 1)) }
      let again = choose(views, canFetch: canFetch)
      #expect(again.map { views[$0.index].id } == name, "seed \(seed)")
      #expect(again?.totalUs == first?.totalUs, "seed \(seed)")
    }
  }
}
