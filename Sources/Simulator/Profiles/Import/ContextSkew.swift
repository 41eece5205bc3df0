/// One measured attention call with decodes of unequal context, beside calls where all have the mean context and where
/// all have the longest.
struct ContextSkew {
  var hasPrefill: Bool
  var meanUs: Double
  var longestUs: Double
  var skewedUs: Double

  static func read(_ path: String) throws(ProfileImportError) -> [ContextSkew] {
    let table = try MeasuredTable(path: path, expected: ["pc", "t_mean_us", "t_max_us", "t_skew_us"])
    var rows: [ContextSkew] = []
    for row in table.rows {
      rows.append(
        ContextSkew(
          hasPrefill: try table.count("pc", row) > 0, meanUs: try table.time("t_mean_us", row),
          longestUs: try table.time("t_max_us", row), skewedUs: try table.time("t_skew_us", row)))
    }
    return rows
  }

  /// The share of the way from the mean's time to the longest's that unequal contexts go: least squares on relative
  /// error, 0...1; 0 without measurements.
  static func share(_ rows: [ContextSkew]) -> Double {
    var way = 0.0
    var squares = 0.0
    for row in rows {
      let whole = (row.longestUs - row.meanUs) / row.meanUs
      way += whole * (row.skewedUs - row.meanUs) / row.meanUs
      squares += whole * whole
    }
    return squares > 0 ? min(1, max(0, way / squares)) : 0
  }
}
