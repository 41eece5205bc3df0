/// Finds the instance for a new request by Mooncake's rule (Qin et al., FAST 2025, algorithm 1): the least sum of
/// transfer, queue and prefill. The longest prefix anywhere is fetched where it is longer than the own one by more than
/// a threshold; otherwise the own prefix counts. Equal sums go to the freest by Llumnix's measure, then to the least
/// id, so that the order of the views does not matter.
public enum InstanceChooser {
  /// The longest prefix has to be longer than the own one by this factor, in percent, to be fetched.
  public static let fetchPercent = 200
  public static let instancesMax = 1_024

  /// - Parameters:
  ///   - canFetch: whether instances can send each other KV.
  /// - Returns: nil when none of the model has room for the prompt. Views beyond `instancesMax` are not looked at.
  public static func choose(
    promptTokens: Int, model: String, among views: [InstanceView], canFetch: Bool
  ) -> InstanceChoice? {
    let candidates = views.indices.prefix(instancesMax).filter { views[$0].model == model }
    let longest = canFetch ? candidates.map { views[$0].hitTokens }.max() ?? 0 : 0
    var best: InstanceChoice?
    for index in candidates where views[index].takesPrompts {
      let view = views[index]
      guard promptTokens - min(view.hitTokens, promptTokens) <= view.kvFreeTokens else { continue }
      let choice = choice(index, view, promptTokens: promptTokens, longest: longest)
      guard let old = best else {
        best = choice
        continue
      }
      if choice.totalUs != old.totalUs {
        if choice.totalUs < old.totalUs { best = choice }
        continue
      }
      let isFreer =
        choice.freenessTokens == old.freenessTokens
        ? view.id < views[old.index].id : choice.freenessTokens > old.freenessTokens
      if isFreer { best = choice }
      best?.cause = .mostFree
    }
    return best
  }

  private static func choice(
    _ index: Int, _ view: InstanceView, promptTokens: Int, longest: Int
  ) -> InstanceChoice {
    let most = max(0, promptTokens - 1)
    let own = min(view.hitTokens, most)
    let isFetched = min(longest, most) * 100 > own * fetchPercent
    let hit = isFetched ? min(longest, most) : own
    return InstanceChoice(
      index: index, cause: .leastTime, transferUs: (hit - own) * view.transferNsPerToken / 1000,
      queueUs: view.queuedPrefillUs, prefillUs: (promptTokens - hit) * view.prefillNsPerToken / 1000, hitTokens: hit,
      transferredTokens: hit - own, freenessTokens: view.freenessTokens)
  }
}
