import Glibc

/// GLPK's `glpsol` as a process: a program goes in as a file, the optimum comes out as one.
enum GLPKSolver {
  static let secondsMax = 600

  /// The largest value of the program's sum.
  static func maximum(of program: LinearProgram) throws(BoundError) -> Double {
    let folder = try temporaryFolder()
    defer {
      for name in ["model.mps", "solution.txt"] { unlink("\(folder)/\(name)") }
      rmdir(folder)
    }
    try write(program.mps, to: "\(folder)/model.mps")
    try run([
      "glpsol", "--freemps", "\(folder)/model.mps", "--min", "--tmlim", "\(secondsMax)", "--write",
      "\(folder)/solution.txt",
    ])
    return try -optimum("\(folder)/solution.txt")
  }

  private static func temporaryFolder() throws(BoundError) -> String {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/coxswain-bound-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw failure(base) }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func write(_ text: String, to path: String) throws(BoundError) {
    guard let file = fopen(path, "we") else { throw failure(path) }
    var copy = text
    let isWritten = copy.withUTF8 { fwrite($0.baseAddress, 1, $0.count, file) == $0.count }
    guard fclose(file) == 0, isWritten else { throw failure(path) }
  }

  /// Runs a program on the path to its end, its output thrown away.
  private static func run(_ words: [String]) throws(BoundError) {
    var actions = posix_spawn_file_actions_t()
    guard posix_spawn_file_actions_init(&actions) == 0 else { throw failure(words[0]) }
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, flags) in [(STDIN_FILENO, O_RDONLY), (STDOUT_FILENO, O_WRONLY), (STDERR_FILENO, O_WRONLY)] {
      guard posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", flags, 0) == 0 else {
        throw failure(words[0])
      }
    }
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var process: pid_t = 0
    let error = posix_spawnp(&process, words[0], &actions, nil, &arguments, environ)
    if error == ENOENT { throw .noSolver }
    guard error == 0 else { throw .solver(String(cString: strerror(error))) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else { throw failure(words[0]) }
    }
    guard status == 0 else { throw .solver("ended with status \(status)") }
  }

  /// From a line such as `s bas 3 4 f f -12.5`: rows, columns, primal and dual state, value.
  private static func optimum(_ path: String) throws(BoundError) -> Double {
    do throws(WorkloadError) {
      let reader = try LineReader(path)
      while let line = try reader.next() {
        let words = line.split(separator: " ")
        guard words.first == "s", words.count == 7, words[1] == "bas" else { continue }
        guard words[4] == "f", words[5] == "f", let value = Double(words[6]) else {
          throw reader.malformed("no optimum within \(secondsMax) s")
        }
        return value
      }
      throw reader.malformed("no solution")
    } catch { throw .solver(error.description) }
  }

  private static func failure(_ subject: String) -> BoundError {
    .solver("\(subject): \(String(cString: strerror(errno)))")
  }
}
