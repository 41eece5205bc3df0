import Glibc

/// Where the sidecar keeps its policies: `--state-dir`, `$COXSWAIN_STATE_DIR`, `$STATE_DIRECTORY` (systemd), else
/// `state` in the runtime directory, which a reboot empties.
enum StateDirectory {
  static func path(option: String?, runtimeDirectory: String) -> String {
    if let option, !option.isEmpty { return option }
    for name in ["COXSWAIN_STATE_DIR", "STATE_DIRECTORY"] {
      guard let value = getenv(name), value[0] != 0 else { continue }
      // systemd names several directories with colons between them.
      return String(String(cString: value).prefix { $0 != ":" })
    }
    return "\(runtimeDirectory)/state"
  }
}
