@testable import WireProtocol

/// SplitMix64: small, seeded, the same everywhere.
struct SeededRandom: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// The error of parsing `text`, or nil when it is accepted.
func parseError(_ text: String) -> JSONError? { parseError(Array(text.utf8)) }

func parseError(_ bytes: [UInt8]) -> JSONError? {
  do throws(JSONError) {
    _ = try JSONValue(parsing: bytes)
    return nil
  } catch { return error }
}

extension JSONWriter {
  /// The payload of the one frame in the buffer.
  var payload: [UInt8] { Array(bytes.dropFirst(FrameHeader.byteCount)) }
}
