/// Lists of CPUs as Linux writes them: `0-15,32-47`.
public enum CPUList {
  /// - Parameter cpus: ascending.
  public static func text(_ cpus: [Int]) -> String {
    var ranges: [String] = []
    var i = 0
    while i < cpus.count {
      var j = i
      while j + 1 < cpus.count, cpus[j + 1] == cpus[j] + 1 { j += 1 }
      ranges.append(i == j ? "\(cpus[i])" : "\(cpus[i])-\(cpus[j])")
      i = j + 1
    }
    return ranges.joined(separator: ",")
  }
}
