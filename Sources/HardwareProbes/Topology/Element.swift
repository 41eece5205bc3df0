import SchedulerCore
import WireProtocol

/// One object of the helper's document with its place in it, for messages.
struct Element {
  let json: JSONValue
  let pointer: String

  init(_ json: JSONValue, at pointer: String) {
    self.json = json
    self.pointer = pointer
  }

  func wrong(_ name: String, _ expected: String) -> ProbeFailure {
    .invalid(reason: "\(pointer)/\(name): expected \(expected)")
  }

  func element(_ name: String) throws(ProbeFailure) -> Element {
    guard let value = json[name], value.objectValue != nil else { throw wrong(name, "an object") }
    return Element(value, at: "\(pointer)/\(name)")
  }

  func array(_ name: String) throws(ProbeFailure) -> [JSONValue] {
    guard let values = json[name]?.arrayValue else { throw wrong(name, "an array") }
    return values
  }

  func elements<Value>(
    _ name: String, _ read: (Element) throws(ProbeFailure) -> Value
  ) throws(ProbeFailure) -> [Value] {
    var values: [Value] = []
    for (index, value) in try array(name).enumerated() {
      values.append(try read(Element(value, at: "\(pointer)/\(name)/\(index)")))
    }
    return values
  }

  func integer(_ name: String) throws(ProbeFailure) -> Int {
    guard let value = json[name]?.integerValue, value >= 0 else {
      throw wrong(name, "an integer, 0 or more")
    }
    return value
  }

  func string(_ name: String) throws(ProbeFailure) -> String {
    guard let value = json[name]?.stringValue else { throw wrong(name, "a string") }
    return value
  }

  func bool(_ name: String) throws(ProbeFailure) -> Bool {
    guard let value = json[name]?.boolValue else { throw wrong(name, "true or false") }
    return value
  }

  func strings(_ name: String) throws(ProbeFailure) -> [String] {
    let values = try array(name)
    let strings = values.compactMap(\.stringValue)
    guard strings.count == values.count else { throw wrong(name, "strings only") }
    return strings
  }

  /// A list of CPUs or nodes ("0-3,8").
  func list(_ name: String) throws(ProbeFailure) -> IDList {
    guard let list = IDList(try string(name)) else {
      throw wrong(name, "a list of numbers such as 0-3,8")
    }
    return list
  }

  func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String
  ) throws(ProbeFailure) -> Choice where Choice.RawValue == String {
    guard let choice = Choice(rawValue: try string(name)) else {
      throw wrong(name, "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return choice
  }
}
