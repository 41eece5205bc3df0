/// One tenant's waiting slots. The next ones stand in a row, in order, so that a walk reads them off and the head of
/// the line costs nothing; the others stand in a heap behind it. Either changes in O(log waiting), and the row by a
/// short move of memory beside.
struct WaitingLine: Codable, Sendable {
  /// Standings are looked at anew for half as many, many times a second.
  static let rowMost = 512
  /// The row is filled up from the heap when it is below one part in so many of `rowMost`, by so many slots at a time.
  private static let rowLeastPart = 2
  private static let refill = 16
  /// Position of a slot that is in the row: it is found by its key.
  private static let inRow: Int32 = -2

  private let rowMost: Int
  private var row: ContiguousArray<Int32> = []
  /// Nobody in it precedes anybody in the row; empty while the row is.
  private var heap: ContiguousArray<Int32> = []

  init(rowMost: Int) { self.rowMost = rowMost }

  var isEmpty: Bool { row.isEmpty }
  /// The slot that precedes all others.
  var first: Int32? { row.first }

  // MARK: - Membership

  /// - Parameter positions: slot -> position in whichever line it is in, -1 when in none.
  mutating func insert(_ slot: Int32, _ positions: inout ContiguousArray<Int32>, _ order: WaitingOrder) {
    if let last = row.last, order.precedes(last, slot), !heap.isEmpty || row.count >= rowMost {
      return push(slot, &positions, order)
    }
    row.insert(slot, at: rank(of: slot, order))
    positions[Int(slot)] = Self.inRow
    if row.count > rowMost { push(row.removeLast(), &positions, order) }
  }

  /// Takes out a slot that is in this line.
  mutating func remove(_ slot: Int32, _ positions: inout ContiguousArray<Int32>, _ order: WaitingOrder) {
    let position = positions[Int(slot)]
    positions[Int(slot)] = -1
    guard position == Self.inRow else { return close(Int(position), &positions, order) }
    var index = rank(of: slot, order)
    // Where keys and ids are the same the first of them was found.
    while row[index] != slot { index += 1 }
    row.remove(at: index)
    guard row.count < rowMost / Self.rowLeastPart else { return }
    for _ in 0..<Self.refill {
      guard let next = heap.first else { return }
      close(0, &positions, order)
      row.append(next)
      positions[Int(next)] = Self.inRow
    }
  }

  /// Index of the first in the row that does not precede a slot.
  private func rank(of slot: Int32, _ order: WaitingOrder) -> Int {
    var (low, high) = (0, row.count)
    while low < high {
      let middle = (low + high) / 2
      if order.precedes(row[middle], slot) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  // MARK: - Walking

  /// Slot at a place: first those of the row, then those of the heap.
  func slot(at place: Int) -> Int32 { place < row.count ? row[place] : heap[place - row.count] }

  /// The places that a walk reaches from one that it has visited.
  @inline(__always)
  func next(after place: Int) -> Range<Int> {
    let end = row.count + heap.count
    guard place >= row.count else { return place + 1..<min(place + 2, end) }
    let first = 2 * (place - row.count) + 1 + row.count
    return min(first, end)..<min(first + 2, end)
  }

  // MARK: - The heap

  private mutating func push(_ slot: Int32, _ positions: inout ContiguousArray<Int32>, _ order: WaitingOrder) {
    heap.append(slot)
    positions[Int(slot)] = Int32(heap.count - 1)
    siftUp(heap.count - 1, &positions, order)
  }

  /// Closes the hole that a slot leaves in the heap.
  private mutating func close(_ hole: Int, _ positions: inout ContiguousArray<Int32>, _ order: WaitingOrder) {
    let last = heap.removeLast()
    guard hole < heap.count else { return }
    heap[hole] = last
    positions[Int(last)] = Int32(hole)
    siftUp(hole, &positions, order)
    siftDown(Int(positions[Int(last)]), &positions, order)
  }

  private mutating func siftUp(_ start: Int, _ positions: inout ContiguousArray<Int32>, _ order: WaitingOrder) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      guard order.precedes(heap[child], heap[parent]) else { return }
      swap(child, parent, &positions)
      child = parent
    }
  }

  private mutating func siftDown(_ start: Int, _ positions: inout ContiguousArray<Int32>, _ order: WaitingOrder) {
    var parent = start
    while true {
      var best = parent
      for child in (2 * parent + 1)..<(2 * parent + 3) where child < heap.count {
        if order.precedes(heap[child], heap[best]) { best = child }
      }
      if best == parent { return }
      swap(parent, best, &positions)
      parent = best
    }
  }

  private mutating func swap(_ a: Int, _ b: Int, _ positions: inout ContiguousArray<Int32>) {
    heap.swapAt(a, b)
    positions[Int(heap[a])] = Int32(a)
    positions[Int(heap[b])] = Int32(b)
  }
}
