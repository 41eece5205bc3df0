import WireProtocol

/// The machine's pressure in one line.
enum PressureLine {
  /// - Parameter snapshot: of Resources/Snapshot.
  static func text(_ snapshot: JSONValue) -> String {
    let shares = ["cpu", "memory", "io"].compactMap { resource -> String? in
      let leaf = snapshot[resource]?["pressure"]?["some"]?["avg10_percent"]
      guard let percent = leaf?["value"]?.doubleValue else { return nil }
      let isOld = leaf?["status"]?.stringValue != "ok"
      return "\(resource) \(Quantity.decimal(percent, places: 1))%\(isOld ? " (stale)" : "")"
    }
    guard !shares.isEmpty else { return "pressure: not known" }
    let level = snapshot["memory"]?["level"]?["value"]?.stringValue ?? "not known"
    return "pressure: " + shares.joined(separator: ", ") + " (some, 10 s); memory level \(level)"
  }
}
