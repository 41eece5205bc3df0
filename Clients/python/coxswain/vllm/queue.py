"""vLLM's waiting queues, with a second face: while a plan is carried out they show only whom the plan admits, in its
order. Without a plan they are vLLM's own, in vLLM's order."""

from __future__ import annotations

import heapq
import itertools
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator

from vllm.v1.core.sched.request_queue import RequestQueue, SchedulingPolicy
from vllm.v1.request import Request


class PlannedQueue(RequestQueue):
    """`show` puts the plan's face on, `show_all` takes it off. `len` and iteration always see everybody, so that vLLM
    knows that somebody waits; only `bool`, `peek` and `pop`, with which it admits, see the plan."""

    def __init__(self) -> None:
        self._shown: deque[Request] | None = None

    def show(self, requests: Iterable[Request]) -> None:
        self._shown = deque(requests)

    def show_all(self) -> None:
        self._shown = None

    def holds(self, request: Request) -> bool:
        raise NotImplementedError

    def __getitem__(self, index: int) -> Request:
        return next(itertools.islice(iter(self), index, None))

    def _first(self) -> Request | None:
        """First in vLLM's own order."""
        raise NotImplementedError

    def _candidate(self) -> Request | None:
        if self._shown is None:
            return self._first()
        while self._shown:
            if self.holds(self._shown[0]):
                return self._shown[0]
            self._shown.popleft()
        return None

    def __bool__(self) -> bool:
        return self._candidate() is not None

    def peek_request(self) -> Request:
        request = self._candidate()
        if request is None:
            raise IndexError("peek from an empty queue")
        return request

    def pop_request(self) -> Request:
        request = self._candidate()
        if request is None:
            raise IndexError("pop from an empty queue")
        if self._shown is not None:
            self._shown.popleft()
        self.remove_request(request)
        return request


class PlannedFCFSQueue(PlannedQueue):
    """First come, first served. Everything but iteration is O(1)."""

    def __init__(self, requests: Iterable[Request] = ()) -> None:
        super().__init__()
        self._requests: OrderedDict[str, Request] = OrderedDict((r.request_id, r) for r in requests)

    def holds(self, request: Request) -> bool:
        return self._requests.get(request.request_id) is request

    def _first(self) -> Request | None:
        return next(iter(self._requests.values()), None)

    def add_request(self, request: Request) -> None:
        self._requests[request.request_id] = request

    def prepend_request(self, request: Request) -> None:
        self._requests[request.request_id] = request
        self._requests.move_to_end(request.request_id, last=False)

    def prepend_requests(self, requests: Iterable[Request]) -> None:
        """Ends up in reverse order of `requests`, as vLLM's own queue does."""
        for request in requests:
            self.prepend_request(request)

    def remove_request(self, request: Request) -> None:
        if not self.holds(request):
            raise ValueError(f"{request.request_id} does not wait")
        del self._requests[request.request_id]

    def remove_requests(self, requests: Iterable[Request]) -> None:
        for request in requests:
            if self.holds(request):
                del self._requests[request.request_id]

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        return iter(self._requests.values())


class PlannedPriorityQueue(PlannedQueue):
    """By vLLM's priority, then arrival. Who was removed stays in the heap until it comes up."""

    def __init__(self, requests: Iterable[Request] = ()) -> None:
        super().__init__()
        self._heap: list[tuple[Request, int]] = []
        self._live: dict[str, tuple[Request, int]] = {}
        self._serial = itertools.count()
        for request in requests:
            self.add_request(request)

    def holds(self, request: Request) -> bool:
        entry = self._live.get(request.request_id)
        return entry is not None and entry[0] is request

    def _is_live(self, entry: tuple[Request, int]) -> bool:
        return self._live.get(entry[0].request_id) is entry

    def _first(self) -> Request | None:
        while self._heap and not self._is_live(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def add_request(self, request: Request) -> None:
        entry = (request, next(self._serial))
        self._live[request.request_id] = entry
        heapq.heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self._live) + 64:
            self._heap = [entry for entry in self._heap if self._is_live(entry)]
            heapq.heapify(self._heap)

    def prepend_request(self, request: Request) -> None:
        self.add_request(request)

    def prepend_requests(self, requests: Iterable[Request]) -> None:
        for request in requests:
            self.add_request(request)

    def remove_request(self, request: Request) -> None:
        if not self.holds(request):
            raise ValueError(f"{request.request_id} does not wait")
        del self._live[request.request_id]

    def remove_requests(self, requests: Iterable[Request]) -> None:
        for request in requests:
            if self.holds(request):
                del self._live[request.request_id]

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Request]:
        return (request for request, _ in sorted(self._live.values()))


def planned_queue(policy: SchedulingPolicy, requests: Iterable[Request]) -> PlannedQueue:
    """A queue of vLLM's policy that holds `requests`."""
    if policy == SchedulingPolicy.PRIORITY:
        return PlannedPriorityQueue(requests)
    if policy == SchedulingPolicy.FCFS:
        return PlannedFCFSQueue(requests)
    raise ValueError(f"unknown scheduling policy {policy}; expected fcfs or priority")
