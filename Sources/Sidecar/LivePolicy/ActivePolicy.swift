import Policy

/// The policy in force and how often it has changed.
public struct ActivePolicy: Sendable {
  public var document: PolicyDocument
  public var generation: Int

  public init(document: PolicyDocument, generation: Int) {
    self.document = document
    self.generation = generation
  }

  /// As it holds for an engine that serves this model.
  func tailored(to model: String) -> ActivePolicy {
    ActivePolicy(document: document.tailored(to: model), generation: generation)
  }
}
