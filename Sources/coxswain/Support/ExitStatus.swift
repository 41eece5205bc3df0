/// Exit codes that scripts rely on (values of sysexits.h where it has one).
enum ExitStatus: Int32 {
  case ok = 0
  case failed = 1
  case usage = 64
  case unreachable = 69
  case retry = 75
  case denied = 77
  case badConfiguration = 78
}
