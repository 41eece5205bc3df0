/// A request on its way into an engine: new, or handed over with its KV by an instance that did the prefill.
struct EngineArrival {
  /// What a prefill instance already did.
  struct Progress {
    var firstTokenUs: Int64
    var preemptions: Int
  }

  var work: WorkloadRequest
  /// When it is there; a handed-over request keeps its own arrival in `work`.
  var dueUs: Int64
  var progress: Progress?

  init(_ work: WorkloadRequest, dueUs: Int64? = nil, progress: Progress? = nil) {
    self.work = work
    self.dueUs = dueUs ?? work.arrivalUs
    self.progress = progress
  }
}
