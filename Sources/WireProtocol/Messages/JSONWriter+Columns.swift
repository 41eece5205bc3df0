import SchedulerCore

extension JSONWriter {
  mutating func column(_ values: some Sequence<some FixedWidthInteger>) {
    beginArray()
    for value in values { integer(value) }
    endArray()
  }

  mutating func strings(_ values: [String]) {
    beginArray()
    for value in values { string(value) }
    endArray()
  }

  mutating func keys(_ values: [UInt64]) {
    beginArray()
    for value in values { string(PrefixKeyText.text(CollectionOfOne(value))) }
    endArray()
  }

  mutating func words(_ values: [some RawRepresentable<String>]) {
    beginArray()
    for value in values { string(value.rawValue) }
    endArray()
  }

  mutating func caused(_ handles: [RequestHandle], _ causes: [some RawRepresentable<String>]) {
    beginObject()
    key("h")
    column(handles)
    key("why")
    words(causes)
    endObject()
  }
}
