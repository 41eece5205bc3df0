/// Session name -> weight of the tenant of that name; 1 for those that the policy does not list.
struct TenantWeights: Codable, Sendable {
  private let tenants: [PolicyConfig.Tenant]
  /// Name index -> weight; 0 not resolved yet.
  private var resolved: ContiguousArray<Int32> = []

  init(_ policy: PolicyConfig) { tenants = policy.tenants }

  mutating func weight(of name: Int32, names: NameTable) -> Int {
    let index = Int(name)
    if index >= resolved.count {
      resolved.append(contentsOf: repeatElement(0, count: names.count - resolved.count))
    }
    if resolved[index] == 0 {
      let wanted = names.name(index)
      resolved[index] = Int32(tenants.first { $0.name == wanted }?.weight ?? 1)
    }
    return Int(resolved[index])
  }
}
