/// Finish tags of self-clocked fair queuing (Golestani, INFOCOM 1994): a request's tag is the flow's last tag, or the
/// virtual time if that is later, plus its cost over the flow's weight; the smallest tag is served first. The virtual
/// time is the tag of the request admitted last. A flow is a tenant within a class.
///
/// Fair queuing wants the cost in advance. The output still to come is an estimate here, which is what VTC avoids.
struct FinishTags: Codable, Sendable {
  private struct Tag: Codable, Sendable {
    var serial: RequestSerial = 0
    var finish: Int64 = 0
  }

  /// Class index -> tenant's name index -> last tag.
  private var flows: ContiguousArray<ContiguousArray<Int64>> = []
  /// Slot -> tag of the request in it.
  private var tags: ContiguousArray<Tag> = []
  private var virtualTime: Int64 = 0

  /// Tag of a request, made when it is asked for first: a preempted request keeps the one it has.
  mutating func tag(slot: Int, request: Request, facts: QueueFacts) -> Int64 {
    if slot >= tags.count { tags.append(contentsOf: repeatElement(Tag(), count: slot + 1 - tags.count)) }
    if tags[slot].serial == request.serial { return tags[slot].finish }
    let tenant = Int(request.tenant)
    grow(to: facts.classIndex, tenant)
    let tokens =
      request.uncachedTokens * TenantLedger.promptPrice + facts.expectedOutputTokens * TenantLedger.outputPrice
    let weight = Int64(max(1, facts.classWeight * facts.tenantWeight))
    let cost = max(1, Int64(clamping: tokens).multipliedReportingOverflow(by: TenantLedger.scale).partialValue / weight)
    let (finish, overflow) = max(virtualTime, flows[facts.classIndex][tenant]).addingReportingOverflow(cost)
    tags[slot] = Tag(serial: request.serial, finish: overflow ? .max : finish)
    flows[facts.classIndex][tenant] = tags[slot].finish
    return tags[slot].finish
  }

  private mutating func grow(to classIndex: Int, _ tenant: Int) {
    let classes = classIndex + 1 - flows.count
    if classes > 0 { flows.append(contentsOf: repeatElement([], count: classes)) }
    let tenants = tenant + 1 - flows[classIndex].count
    if tenants > 0 { flows[classIndex].append(contentsOf: repeatElement(0, count: tenants)) }
  }

  /// The request left the queue to be served.
  mutating func admitted(slot: Int) { virtualTime = max(virtualTime, tags[slot].finish) }
}
