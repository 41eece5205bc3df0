import CShim
import SchedulerCore

/// Whether a figure can be trusted; shared with the core's leaves.
public typealias FigureStatus = Leaf<Int>.Status

/// What one look at the machine found for one figure. A value is there exactly when the status is `ok`.
struct Reading<Value: Sendable>: Sendable {
  var value: Value?
  var status: FigureStatus

  static func ok(_ value: Value) -> Reading { Reading(value: value, status: .ok) }
  static var unsupported: Reading { Reading(value: nil, status: .unsupported) }

  private init(value: Value?, status: FigureStatus) {
    self.value = value
    self.status = status
  }

  /// The reading without a value, for a failure of any kind.
  static func failed(_ status: FigureStatus) -> Reading {
    precondition(status != .ok, "a failed reading has no value")
    return Reading(value: nil, status: status)
  }

  func map<Other: Sendable>(_ transform: (Value) -> Other) -> Reading<Other> {
    guard let value else { return .failed(status) }
    return .ok(transform(value))
  }
}

extension Reading<Int> {
  init(_ figure: cox_value) {
    let status = FigureStatus(shim: figure.status)
    self = status == .ok ? .ok(Int(figure.value)) : .failed(status)
  }
}

extension Reading<String> {
  init(_ text: cox_text) {
    let status = FigureStatus(shim: text.status)
    self = status == .ok ? .ok(String(cString: text.text)) : .failed(status)
  }
}

extension FigureStatus {
  init(shim status: Int32) {
    switch UInt32(bitPattern: status) {
    case COX_OK.rawValue: self = .ok
    case COX_UNSUPPORTED.rawValue: self = .unsupported
    case COX_DENIED.rawValue: self = .denied
    default: self = .lost
    }
  }
}
