/// Who a request is within its session, in order of arrival, from 1. Handles and slots are used again, often together:
/// what is remembered about a slot's request from step to step is kept under its serial. 0 is nobody.
public typealias RequestSerial = UInt64
