/// Finish tags of self-clocked fair queuing (Golestani, INFOCOM 1994): a request's tag is the flow's last tag, or the
/// virtual time if that is later, plus its cost over the flow's weight; the smallest tag is served first. The virtual
/// time is the tag of the request admitted last. A flow is a tenant within a class.
///
/// Fair queuing wants the cost in advance. The output still to come is an estimate here, which is what VTC avoids.
struct FinishTags: Codable, Sendable {
  private struct Tag: Codable, Sendable {
    var handle: RequestHandle = 0
    /// 0 for a slot that never had one.
    var finish: Int64 = 0
  }

  /// Class index and tenant in one number -> last tag. Looked up only, never walked.
  private var flows: [Int64: Int64] = [:]
  /// Slot -> tag of the request in it.
  private var tags: ContiguousArray<Tag> = []
  private var virtualTime: Int64 = 0

  /// Tag of a request, made when it is asked for first: a preempted request keeps the one it has.
  mutating func tag(slot: Int, request: Request, facts: QueueFacts) -> Int64 {
    if slot >= tags.count { tags.append(contentsOf: repeatElement(Tag(), count: slot + 1 - tags.count)) }
    if tags[slot].finish > 0, tags[slot].handle == request.handle { return tags[slot].finish }
    let flow = Int64(facts.classIndex) << 32 | Int64(request.tenant)
    let tokens =
      request.uncachedTokens * TenantLedger.promptPrice + facts.expectedOutputTokens * TenantLedger.outputPrice
    let weight = Int64(max(1, facts.classWeight * facts.tenantWeight))
    let cost = max(1, Int64(clamping: tokens).multipliedReportingOverflow(by: TenantLedger.scale).partialValue / weight)
    let (finish, overflow) = max(virtualTime, flows[flow] ?? 0).addingReportingOverflow(cost)
    tags[slot] = Tag(handle: request.handle, finish: overflow ? .max : finish)
    flows[flow] = tags[slot].finish
    return tags[slot].finish
  }

  /// The request left the queue to be served.
  mutating func admitted(slot: Int) { virtualTime = max(virtualTime, tags[slot].finish) }
}
