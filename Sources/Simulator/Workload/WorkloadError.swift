/// Why a workload could not be read.
public enum WorkloadError: Error, Hashable, Sendable, CustomStringConvertible {
  case unreadable(path: String, reason: String)
  /// `line` counts from 1.
  case malformed(path: String, line: Int, message: String)
  case unknownFormat(path: String, firstLine: String)
  case empty(path: String)
  /// The file has lengths only.
  case noArrivals(path: String)
  /// Nobody of that name sends anything, so that there was nothing to multiply. `seen`: some who do.
  case unknownTenant(name: String, seen: [String])
  case invalidClasses(message: String)
  case invalidEvents(message: String)
  case invalidCluster(message: String)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): \(reason)"
    case .malformed(let path, let line, let message): "\(path): line \(line): \(message)"
    case .unknownFormat(let path, let firstLine):
      "\(path): line 1: \"\(firstLine.prefix(60))\" begins none of the formats that are read: Azure "
        + "(TIMESTAMP,ContextTokens,GeneratedTokens), ServeGen (arrival_s,tenant,input_tokens,output_tokens), "
        + "Mooncake (JSON lines with timestamp, input_length, output_length, hash_ids), "
        + "lengths only (num_prefill_tokens,num_decode_tokens,...)"
    case .empty(let path): "\(path): no requests"
    case .noArrivals(let path):
      "\(path): lengths without arrival times; expected an arrival process (--arrivals with --rate)"
    case .unknownTenant(let name, let seen):
      "no request is of tenant \"\(name)\"; expected one of the workload's, such as \(seen.joined(separator: ", "))"
    case .invalidClasses(let message): "classes: \(message)"
    case .invalidEvents(let message): "events: \(message)"
    case .invalidCluster(let message): "cluster: \(message)"
    }
  }
}
