import SchedulerCore

/// One session as the registry knows it.
struct SessionRegistration: Sendable {
  /// `s-` and a number, never used twice by one sidecar.
  let session: String
  let epoch: UInt64
  let engine: EngineDescription
  let mark: SessionMark

  var rank: Rank { Rank(serverID: engine.serverID, dpRank: engine.dpRank) }

  /// What a later Register replaces (Docs/wire.md, session rule 2).
  struct Rank: Hashable, Sendable {
    var serverID: String
    var dpRank: Int
  }
}
