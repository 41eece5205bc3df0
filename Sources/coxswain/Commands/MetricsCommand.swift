import ArgumentParser
import Sidecar
import WireProtocol

struct MetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "The sidecar's metrics, as Prometheus scrapes them.",
    discussion: """
      The same text is served over HTTP by: coxswain serve --metrics-port 9464

      EXAMPLES
        coxswain metrics
        coxswain metrics | grep queue_wait
        coxswain metrics --list            every metric with its type, labels and meaning; no sidecar is needed
      """)

  @Flag(help: "List the metrics there are instead of their values.") var list = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    if list { return try showList() }
    let client = try connection.connectToAdmin()
    let reply = try client.answer(to: .metrics, timeoutUs: connection.timeoutUs)
    if output.isJSON { return try StandardOutput.document(reply) }
    try StandardOutput.line(reply["text"]?.stringValue ?? "")
  }

  private func showList() throws(CommandFailure) {
    if output.isJSON {
      return try StandardOutput.document(
        .array(
          MetricFamily.allCases.map {
            [
              "name": .string($0.rawValue), "type": .string($0.kind.rawValue),
              "labels": .array($0.labels.map { .string($0) }), "help": .string($0.help),
            ]
          }))
    }
    var table = TextTable(["METRIC", "TYPE", "LABELS", "MEANING"])
    for family in MetricFamily.allCases {
      table.add([family.rawValue, family.kind.rawValue, family.labels.joined(separator: ", "), family.help])
    }
    try StandardOutput.write(table.text)
  }
}
