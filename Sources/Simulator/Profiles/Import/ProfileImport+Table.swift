extension ProfileImport {
  public static let tensorParallelMax = ProfileSubject.tensorParallelMax

  /// What was made, for people: the fits' errors on samples that they did not see, then what to know.
  public var table: String {
    FitErrorTable.text(
      profile,
      [
        ("without prefill, roofline", decodeOnly.rooflineError), ("without prefill, linear", decodeOnly.linearError),
        ("with prefill, roofline", withPrefill.rooflineError), ("with prefill, linear", withPrefill.linearError),
      ], notes)
  }
}
