import CShim
import Glibc
import SchedulerCore

/// The CPUs and the memory policy of the calling thread, which a program started by exec inherits.
public enum ProcessBinding {
  /// What was asked of the kernel, and what it says is in force now.
  public struct Outcome: Hashable, Sendable {
    public var isApplied: Bool
    public var text: String
  }

  /// CPUs that the calling thread may run on; nil if the kernel does not tell.
  public static func cpus() -> IDList? {
    var cpus = [Int32](repeating: 0, count: IDList.idLimit)
    let count = cox_cpus_of_thread(&cpus, cpus.count)
    return count < 0 ? nil : IDList(cpus.prefix(Int(count)).map { Int($0) })
  }

  /// Applies and reads back. Containers often refuse memory policies: that is an outcome, not an error.
  public static func apply(_ plan: LaunchPlan) -> [Outcome] {
    var outcomes: [Outcome] = []
    if !plan.cpus.isEmpty { outcomes.append(bind(plan.cpus)) }
    if let node = plan.memoryNode { outcomes.append(bindMemory(node, isStrict: plan.isMemoryStrict)) }
    return outcomes
  }

  private static func bind(_ wanted: IDList) -> Outcome {
    let code = cox_bind_cpus(wanted.ids.map { Int32($0) }, wanted.count)
    guard code == 0 else {
      return Outcome(isApplied: false, text: "CPUs \(wanted) refused: \(systemMessage(code)); running on any")
    }
    let now = cpus()
    guard now == wanted else {
      let found = now.map { "CPUs \($0)" } ?? "nothing that can be read"
      return Outcome(isApplied: false, text: "CPUs \(wanted) asked for, the kernel made it \(found)")
    }
    return Outcome(isApplied: true, text: "CPUs \(wanted), confirmed by the kernel")
  }

  private static func bindMemory(_ node: Int, isStrict: Bool) -> Outcome {
    let words = isStrict ? "memory of node \(node) only" : "memory of node \(node) first"
    let mode = isStrict ? COX_MEMORY_BIND : COX_MEMORY_PREFERRED
    let code = cox_set_memory_node(mode, Int32(clamping: node))
    guard code == 0 else {
      let hint = code == EPERM ? " (a container needs CAP_SYS_NICE or a seccomp profile that allows set_mempolicy)" : ""
      return Outcome(isApplied: false, text: "\(words) refused: \(systemMessage(code))\(hint); memory is not bound")
    }
    var modeNow = COX_MEMORY_OTHER
    var nodeNow: Int32 = -1
    let answer = cox_memory_policy(&modeNow, &nodeNow)
    guard answer == 0, modeNow == mode, Int(nodeNow) == node else {
      return Outcome(isApplied: false, text: "\(words) was asked for and the kernel did not confirm it")
    }
    return Outcome(isApplied: true, text: "\(words), confirmed by the kernel")
  }
}
