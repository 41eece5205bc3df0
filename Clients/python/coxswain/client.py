"""Blocking client of one sidecar socket: calls with a deadline, pipelined calls, streams, cancellation."""

from __future__ import annotations

import json
import socket
import time
from collections import deque
from typing import Any, Iterator

from .codec import DECODE_ERRORS, decode
from .framing import FRAME_BYTES_MAX, FrameError, FrameReader, encode_frame, encode_message

RECEIVE_BYTES = 1 << 16
# The server keeps its own deadline; the client waits this much longer for the answer that says so.
GRACE_S = 0.05


class StatusError(Exception):
    """The sidecar answered with an error: canonical gRPC `code`, `message`, `details`."""

    def __init__(self, code: str, message: str, details: dict[str, Any] | None = None):
        super().__init__(f"{code}: {message}" + (f" {json.dumps(details)}" if details else ""))
        self.code = code
        self.message = message
        self.details = details or {}

    @property
    def field(self) -> str | None:
        """JSON pointer to what is wrong, or None."""
        return self.details.get("field")

    @property
    def reason(self) -> str | None:
        return self.details.get("reason")

    @property
    def retry_after_ms(self) -> int:
        return self.details.get("retry_after_ms", 0)


class ConnectionLost(Exception):
    """The connection ended, or its framing was lost. What was sent may or may not have been applied."""


class DeadlinePassed(Exception):
    """No answer within the client's deadline. The answer is thrown away when it comes."""


class Reply:
    """One reply envelope."""

    __slots__ = ("id", "code", "message", "error")

    def __init__(self, envelope: dict[str, Any]):
        self.id = envelope.get("id", 0)
        status = envelope.get("status")
        self.message = envelope.get("message")
        self.code = None if status is None else status.get("code")
        self.error = None
        if status is not None and self.code != "OK":
            self.error = StatusError(self.code, status.get("message", ""), status.get("details"))

    @property
    def is_last(self) -> bool:
        return self.code is not None


class Client:
    """One connection. Not thread-safe: one scheduler loop, one connection (session rule 2)."""

    def __init__(
            self, path: str, connect_timeout_s: float = 2.0, frame_bytes_max: int = FRAME_BYTES_MAX,
            idle_timeout_s: float | None = None):
        """`idle_timeout_s`: how long any wait without a deadline of its own lasts; None means for ever."""
        self.path = path
        self.idle_timeout_s = idle_timeout_s
        self.frame_bytes_max = frame_bytes_max
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._frames = FrameReader(frame_bytes_max)
        self._arrived = {}
        self._dropped = set()
        self._last_id = 0
        try:
            self.socket.settimeout(connect_timeout_s)
            self.socket.connect(path)
            self.socket.settimeout(idle_timeout_s)
        except OSError as error:
            self.socket.close()
            raise ConnectionLost(f"cannot connect to {path}: {error.strerror or error}") from error

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    # --- sending

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def request_frame(
            self, method: str, message: dict[str, Any] | None = None, timeout_us: int | None = None
    ) -> tuple[int, bytes]:
        """(id, frame) of a request, not sent yet."""
        request_id = self.next_id()
        envelope = {"id": request_id, "method": method}
        if timeout_us is not None:
            envelope["timeout_us"] = timeout_us
        envelope["message"] = {} if message is None else message
        return request_id, encode_message(envelope, self.frame_bytes_max)

    def send(self, frame: bytes) -> None:
        """Writes whole frames. A frame that cannot be finished ends the connection (session rule 9)."""
        try:
            self.socket.sendall(frame)
        except OSError as error:
            self.close()
            raise ConnectionLost(f"sending to {self.path}: {error}") from error

    def start(self, method: str, message: dict[str, Any] | None = None, timeout_us: int | None = None) -> int:
        """Sends a request and returns its id for `finish`, `stream_of` or `cancel`."""
        request_id, frame = self.request_frame(method, message, timeout_us)
        self.send(frame)
        return request_id

    def cancel(self, request_id: int) -> None:
        """Asks to stop a call. The call still gets its one reply (CANCELLED, or its result)."""
        self.send(encode_message({"id": request_id, "cancel": True}))

    def send_payload(self, payload: bytes) -> None:
        """Sends bytes that need not be a valid request, in a valid frame."""
        self.send(encode_frame(payload, self.frame_bytes_max))

    # --- receiving

    def receive(self, timeout_s: float | None = None) -> Reply:
        """The next reply of any call, in order of arrival."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            try:
                payload = self._frames.next()
            except FrameError as error:
                self.close()
                raise ConnectionLost(f"the sidecar sent no frame: {error}") from error
            if payload is not None:
                return self._reply(payload)
            self._fill(deadline)

    def _reply(self, payload: bytes) -> Reply:
        try:
            return Reply(decode(payload))
        except DECODE_ERRORS as error:
            self.close()
            raise ConnectionLost(f"the sidecar sent no JSON: {error}") from error

    def _fill(self, deadline: float | None) -> None:
        try:
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise DeadlinePassed("no reply within the deadline")
                self.socket.settimeout(left)
            data = self.socket.recv(RECEIVE_BYTES)
        except socket.timeout as error:
            raise DeadlinePassed("no reply within the deadline") from error
        except OSError as error:
            self.close()
            raise ConnectionLost(f"reading from {self.path}: {error}") from error
        finally:
            if deadline is not None and self.socket.fileno() >= 0:
                self.socket.settimeout(self.idle_timeout_s)
        if not data:
            self.close()
            raise ConnectionLost(f"{self.path} ended")
        self._frames.feed(data)

    def wait(self, request_id: int, timeout_s: float | None = None) -> Reply:
        """The next reply with this id. Replies of other calls are kept for their own `wait`."""
        kept = self._arrived.get(request_id)
        if kept:
            reply = kept.popleft()
            if not kept:
                del self._arrived[request_id]
            return reply
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            reply = self.receive(None if deadline is None else deadline - time.monotonic())
            if reply.id == request_id:
                return reply
            if reply.id in self._dropped:
                if reply.is_last:
                    self._dropped.discard(reply.id)
                continue
            self._arrived.setdefault(reply.id, deque()).append(reply)

    @property
    def unclaimed(self) -> list[int]:
        """Ids of replies that arrived and nobody waited for yet."""
        return sorted(self._arrived)

    def finish(self, request_id: int, timeout_s: float | None = None) -> dict[str, Any]:
        """The message of a reply. Raises StatusError for an error, DeadlinePassed after `timeout_s`."""
        try:
            reply = self.wait(request_id, timeout_s)
        except DeadlinePassed:
            self._dropped.add(request_id)
            raise
        if reply.error is not None:
            raise reply.error
        return reply.message

    def call(
            self, method: str, message: dict[str, Any] | None = None, timeout_us: int | None = None) -> dict[str, Any]:
        """One call. `timeout_us` is the deadline on both sides."""
        request_id = self.start(method, message, timeout_us)
        return self.finish(request_id, None if timeout_us is None else timeout_us / 1e6 + GRACE_S)

    def stream(
            self, method: str, message: dict[str, Any] | None = None, timeout_us: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yields the items of a streamed call; an error of the last reply is raised."""
        request_id = self.start(method, message, timeout_us)
        last = False
        try:
            while not last:
                reply = self.wait(request_id)
                last = reply.is_last
                if reply.error is not None:
                    raise reply.error
                if not last or reply.message:
                    yield reply.message
        finally:
            if not last and self.socket.fileno() >= 0:
                self._dropped.add(request_id)
                self.cancel(request_id)
