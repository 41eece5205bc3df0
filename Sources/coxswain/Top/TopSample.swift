import WireProtocol

/// What `top` knows at one moment.
struct TopSample {
  /// The requests of one class over all sessions, as far as they were listed.
  struct ClassQueue: Equatable {
    var name: String
    var running = 0
    var waiting = 0
    var blocked = 0
    var oldestWaitingUs = 0
  }

  /// Requests asked for in each session; more would cost the sidecar more than a glance is worth.
  static let requestLimit = 1000

  var headline: String
  /// That the sidecar drains; nil while it does not.
  var drain: String?
  var sessions: [SessionStatus]
  var classes: [ClassQueue]
  var tenants: [(name: String, chargedTokens: Int)]
  var slack: SlackHistogram
  var pressure: String
  var listedRequests: Int
  var totalRequests: Int
  /// When it was taken, in microseconds of the monotonic clock.
  var takenUs: Int

  /// - Parameters: replies of Admin/Status, Admin/Requests, Policy/Get and Resources/Snapshot.
  init(status: JSONValue, requests: JSONValue, policy: JSONValue, snapshot: JSONValue, takenUs: Int) {
    headline = StatusCommand.headline(status)
    drain = StatusCommand.drain(status)
    sessions = (status["sessions"]?.arrayValue ?? []).map(SessionStatus.init)
    tenants = (status["tenants"]?.arrayValue ?? []).map {
      ($0["name"]?.stringValue ?? "?", $0["charged_tokens"]?.integerValue ?? 0)
    }
    let listed = requests["sessions"]?.arrayValue ?? []
    totalRequests = listed.reduce(0) { $0 + ($1["total"]?.integerValue ?? 0) }
    let all = listed.flatMap { $0["requests"]?.arrayValue ?? [] }
    listedRequests = all.count
    slack = SlackHistogram(all, policy: policy["effective"] ?? nil)
    pressure = PressureLine.text(snapshot)
    classes = Self.byClass(all)
    self.takenUs = takenUs
  }

  private static func byClass(_ requests: [JSONValue]) -> [ClassQueue] {
    var index: [String: Int] = [:]
    var queues: [ClassQueue] = []
    for request in requests {
      let name = request["class"]?.stringValue ?? "?"
      let position = index[name] ?? queues.count
      if position == queues.count {
        index[name] = position
        queues.append(ClassQueue(name: name))
      }
      if request["blocked"]?.boolValue == true { queues[position].blocked += 1 }
      if request["running"]?.boolValue == true {
        queues[position].running += 1
      } else {
        queues[position].waiting += 1
        let age = request["age_us"]?.integerValue ?? 0
        queues[position].oldestWaitingUs = max(queues[position].oldestWaitingUs, age)
      }
    }
    return queues.sorted { $0.name < $1.name }
  }

  var json: JSONValue {
    [
      "classes": .array(
        classes.map {
          [
            "name": .string($0.name), "running": JSONValue($0.running), "waiting": JSONValue($0.waiting),
            "blocked": JSONValue($0.blocked), "oldest_waiting_us": JSONValue($0.oldestWaitingUs),
          ]
        }),
      "slack": slack.json, "listed_requests": JSONValue(listedRequests), "total_requests": JSONValue(totalRequests),
    ]
  }
}
