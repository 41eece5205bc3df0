/// Moore-Hodgson (Moore, Management Science 1968): of jobs with deadlines on one machine, the fewest that have to be
/// given up so that all others are in time. In order of deadline, jobs are taken; whenever the ones taken cannot all be
/// done by the deadline, the longest of them is given up. O(n log n).
enum MooreHodgson {
  struct Job: Sendable {
    var slot: Int32
    var workUs: Double
    /// Time until it is due; below 0 for one that is late already.
    var dueUs: Double
    /// Work that is done whatever happens: it is taken and never given up.
    var isFixed = false
  }

  /// Slots of the jobs to give up.
  /// - Parameter speed: work done per unit of time.
  static func givenUp(_ jobs: [Job], speed: Double) -> [Int32] {
    let order = jobs.indices.sorted { (jobs[$0].dueUs, jobs[$0].slot) < (jobs[$1].dueUs, jobs[$1].slot) }
    var sumUs = 0.0
    var taken: [(workUs: Double, slot: Int32)] = []
    var givenUp: [Int32] = []
    for index in order {
      let job = jobs[index]
      sumUs += job.workUs
      if !job.isFixed { taken.insert((job.workUs, job.slot), at: place(job.workUs, in: taken)) }
      while sumUs > max(0, job.dueUs) * speed, let longest = taken.popLast() {
        sumUs -= longest.workUs
        givenUp.append(longest.slot)
      }
    }
    return givenUp
  }

  /// Where a job of this length goes among those taken, shortest first.
  private static func place(_ workUs: Double, in taken: [(workUs: Double, slot: Int32)]) -> Int {
    var low = 0
    var high = taken.count
    while low < high {
      let middle = (low + high) / 2
      if taken[middle].workUs <= workUs { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
