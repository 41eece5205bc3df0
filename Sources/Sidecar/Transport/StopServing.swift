/// Event for a connection: answer what is being answered, take nothing new, then close.
struct StopServing: Sendable {}
