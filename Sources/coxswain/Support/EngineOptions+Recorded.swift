import SchedulerCore
import Simulator

extension EngineOptions {
  /// An engine with the limits of one that was recorded.
  init(recorded engine: EngineDescription) {
    self.init()
    inFlightMax = engine.inFlightMax
    stepTokens = engine.limits.stepTokens
    sequences = engine.limits.sequences
    if let group = engine.model.kvGroups.first, let pool = engine.model.pools.first {
      kvCapacityTokens = pool.blocks * group.blockTokens
    }
  }
}
