import Glibc

extension ProbeProcess {
  /// Starts the helper as the leader of a new process group, with signals as a fresh program expects them.
  static func spawn(
    _ path: String, _ arguments: [String], output: OutputPipe, errors: OutputPipe
  ) throws(ProbeFailure) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    var code = posix_spawn_file_actions_init(&actions)
    guard code == 0 else { throw .spawn(path: path, errno: code) }
    defer { posix_spawn_file_actions_destroy(&actions) }
    code = posix_spawnattr_init(&attributes)
    guard code == 0 else { throw .spawn(path: path, errno: code) }
    defer { posix_spawnattr_destroy(&attributes) }
    var pid: pid_t = 0
    let steps: [() -> Int32] = [
      { posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) },
      { posix_spawn_file_actions_adddup2(&actions, output.writeEnd, 1) },
      { posix_spawn_file_actions_adddup2(&actions, errors.writeEnd, 2) },
      { configure(&attributes) },
      { start(&pid, path, arguments, &actions, &attributes) },
    ]
    for step in steps {
      code = step()
      guard code == 0 else { throw .spawn(path: path, errno: code) }
    }
    return pid
  }

  private static func configure(_ attributes: inout posix_spawnattr_t) -> Int32 {
    var none = sigset_t()
    var defaults = sigset_t()
    sigemptyset(&none)
    sigfillset(&defaults)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    let codes = [
      posix_spawnattr_setpgroup(&attributes, 0), posix_spawnattr_setsigmask(&attributes, &none),
      posix_spawnattr_setsigdefault(&attributes, &defaults),
      posix_spawnattr_setflags(&attributes, Int16(flags)),
    ]
    return codes.first { $0 != 0 } ?? 0
  }

  private static func start(
    _ pid: inout pid_t, _ path: String, _ arguments: [String],
    _ actions: inout posix_spawn_file_actions_t,
    _ attributes: inout posix_spawnattr_t
  ) -> Int32 {
    var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    defer { for text in argv { free(text) } }
    guard !argv.contains(nil) else { return ENOMEM }
    argv.append(nil)
    return posix_spawn(&pid, path, &actions, &attributes, argv, environ)
  }
}
