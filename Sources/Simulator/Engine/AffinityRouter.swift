import SchedulerCore

/// Prefix affinity against load, by the core's own rule. Where no instance has room for the prompt, the one with the
/// fewest requests gets it and lets it wait.
public struct AffinityRouter: Router {
  private var leastLoaded = LeastLoadedRouter()

  public init() {}

  public mutating func choose(
    _ request: WorkloadRequest, among candidates: [Int], load: (Int) -> Int, view: (Int) -> InstanceView
  ) -> Int {
    let choice = InstanceChooser.choose(
      promptTokens: request.promptTokens, model: "", among: candidates.map(view), canFetch: false)
    guard let choice else { return leastLoaded.choose(request, among: candidates, load: load, view: view) }
    return candidates[choice.index]
  }
}
