import SchedulerCore
import WireProtocol

/// The caches of some CPUs in one line: "L3 32 MiB x2, L2 1 MiB x16".
struct CacheSummary {
  let text: String

  /// - Parameter caches: the array `caches` of a topology document.
  init(_ caches: [JSONValue], within cpus: IDList) {
    struct Group {
      var name: String
      var bytes: Int
      var count: Int
    }
    var groups: [Group] = []
    for cache in caches {
      guard let near = cache["cpus"]?.stringValue.flatMap({ IDList($0) }), let first = near.first,
        cpus.contains(first),
        let level = cache["level"]?.integerValue, let bytes = cache["size_bytes"]?.integerValue,
        bytes > 0
      else { continue }
      let kind = cache["kind"]?.stringValue
      let name = "L\(level)" + (kind == "data" ? "d" : kind == "instruction" ? "i" : "")
      if let index = groups.firstIndex(where: { $0.name == name && $0.bytes == bytes }) {
        groups[index].count += 1
      } else {
        groups.append(Group(name: name, bytes: bytes, count: 1))
      }
    }
    text = groups.map { group in
      "\(group.name) \(Quantities.cacheBytes(group.bytes))"
        + (group.count > 1 ? " x\(group.count)" : "")
    }.joined(separator: ", ")
  }
}
