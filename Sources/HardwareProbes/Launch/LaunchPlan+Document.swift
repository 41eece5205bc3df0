import SchedulerCore
import WireProtocol

extension LaunchPlan {
  /// Nothing is bound, for a machine that cannot be read. nil if the GPUs cannot even be named to the engine, which
  /// takes UUIDs and positions: starting it on other GPUs would be worse than not starting it.
  public static func unbound(gpus names: [String], because note: String) -> LaunchPlan? {
    var plan = LaunchPlan(
      gpus: [], cpus: IDList(), memoryNode: nil, isMemoryStrict: false, environment: [],
      notes: [note, "nothing is bound"])
    guard !names.isEmpty else { return plan }
    let list = names.joined(separator: ",")
    if names.allSatisfy({ $0.hasPrefix("GPU-") || $0.hasPrefix("MIG-") }) {
      plan.environment = [("CUDA_VISIBLE_DEVICES", list)]
    } else if names.allSatisfy({ Int($0).map { $0 >= 0 } == true }) {
      plan.environment = [("CUDA_DEVICE_ORDER", "PCI_BUS_ID"), ("CUDA_VISIBLE_DEVICES", list)]
    } else {
      return nil
    }
    return plan
  }

  /// The document of `coxswain launch --dry-run -o json`.
  public var json: JSONValue {
    [
      "gpus": .array(
        gpus.map { ["bus_id": .string($0.busID), "uuid": $0.uuid.map { .string($0) } ?? .null] }),
      "cpus": .string("\(cpus)"), "memory_node": memoryNode.map { JSONValue($0) } ?? .null,
      "memory_mode": memoryNode == nil ? .null : isMemoryStrict ? "bind" : "preferred",
      "environment": .object(JSONObject(environment.map { JSONObject.Member($0.name, .string($0.value)) })),
      "notes": .array(notes.map { .string($0) }),
    ]
  }

  /// For `coxswain launch --dry-run`.
  public var text: String {
    var lines = gpus.map { "GPU     " + [$0.busID, $0.uuid].compactMap { $0 }.joined(separator: "  ") }
    lines.append("CPUs    " + (cpus.isEmpty ? "as they are" : "\(cpus)"))
    let memory = memoryNode.map { isMemoryStrict ? "node \($0) only" : "node \($0) first" }
    lines.append("memory  " + (memory ?? "as it is"))
    lines += environment.map { "set     \($0.name)=\($0.value)" }
    lines += notes.map { "note    \($0)" }
    return lines.joined(separator: "\n")
  }
}
