import ArgumentParser

/// The one executable; each subcommand has its own file.
struct Coxswain: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coxswain",
    abstract: "A scheduling sidecar for LLM model servers.",
    discussion: """
      It sits beside a model server and plans every iteration: batch, chunks, preemptions, cache and placement.

      EXAMPLES
        coxswain serve                         start the sidecar
        coxswain engine                        run the reference engine against it
        coxswain top                           watch it work
        coxswain plan --from request.json      one plan, no sidecar needed

      EXIT CODES
        0 ok, 1 failed, 64 usage, 69 unreachable, 75 try again, 77 denied, 78 bad configuration
      """,
    version: VersionCommand.text,
    subcommands: [
      ServeCommand.self, EngineCommand.self, SimulateCommand.self, TuneCommand.self, BoundCommand.self,
      RankCommand.self, DraftsCommand.self,
      StatusCommand.self, SnapshotCommand.self, TopologyCommand.self, QueueCommand.self, PlanCommand.self,
      PlaceCommand.self, LaunchCommand.self, TopCommand.self, PolicyCommand.self, DrainCommand.self,
      ExplainCommand.self, MetricsCommand.self, RecordCommand.self, ReplayCommand.self,
      ProfileCommand.self, SchemaCommand.self, BenchCommand.self, VersionCommand.self,
    ])
}
