"""The connection of one scheduler loop. Nothing here waits, except `step`, and that only until its deadline.

```
DOWN --connect, Register--> REGISTERING --OK--> READY --Step--> (plan) READY
                READY --deadline--> LATE --any reply to that Step--> READY; after 5 s --> DOWN
REGISTERING, READY, LATE --RESYNC--> LOST --after retry_after_ms: Register, same connection--> REGISTERING
any --end of stream, garbage--> DOWN (tries again after 10 ms, doubling to 0.5 s, with jitter)
REGISTERING --UNAVAILABLE (it drains or stops)--> DOWN (tries again after retry_after_ms)
any --REPLACED--> STOPPED (another engine has this rank; an operator decides)
```
"""

from __future__ import annotations

import random
import select
import time
from enum import Enum
from typing import Any, Callable, Protocol

from ..codec import DECODE_ERRORS, decode, encode
from ..framing import FRAME_BYTES_MAX, FrameError, FrameReader, encode_frame
from .counters import Counters
from .held_socket import HeldSocket

REGISTER = "coxswain.v1.Scheduler/Register"
STEP = "coxswain.v1.Scheduler/Step"
#: How long an answer is looked for without giving the CPU away.
LOOK_S = 300e-6
#: How long it is waited for without letting other threads run: most answers come sooner, and a thread that begins to
#: run does not stop when the answer comes.
HOLD_S = 2e-3
#: A reply to a Step later than this is no longer waited for; the connection is closed.
REPLY_MAX_S = 5.0
#: A reply to Register may take longer: nobody waits for it, and a Register that is left behind on a closed connection
#: could replace the session that follows it.
REGISTER_REPLY_MAX_S = 60.0
RETRY_FIRST_S, RETRY_LONGEST_S, RETRY_JITTER = 0.01, 0.5, 0.25
#: No sidecar may send an engine away for longer.
RETRY_AFTER_MS_MAX = 60_000
#: `select` takes file descriptors below this; above it `poll` serves, whose timeouts are whole milliseconds.
SELECT_FD_MAX = 1024
#: Members of a Step that change state; a sidecar that does not know all of them cannot be used.
STEP_FIELDS = frozenset(("launched", "settled", "state", "untracked_tokens", "spot"))


class LinkState(Enum):
    DOWN = "down"
    REGISTERING = "registering"
    READY = "ready"
    LATE = "late"
    LOST = "lost"
    STOPPED = "stopped"


class Owner(Protocol):
    """Who keeps the session's books."""

    def register_message(self) -> dict[str, Any]: ...
    def registered(self, reply: dict[str, Any]) -> None: ...
    def step_applied(self) -> None: ...
    def step_rejected(self) -> None: ...
    def session_lost(self) -> None: ...


class Unusable(Exception):
    """What came from the sidecar breaks the protocol; the connection is closed."""


class Link:
    def __init__(
            self, path: str, owner: Owner, counters: Counters, log: Callable[[str], None],
            clock: Callable[[], float] = time.monotonic, rng: random.Random | None = None):
        self.path, self.owner, self.counters, self.log = path, owner, counters, log
        self.state = LinkState.DOWN
        self.session = ""
        #: False where processors are short: then the one that looks for an answer may be the one that would give it.
        self.looks = True
        self._clock, self._rng = clock, rng or random.Random()
        self._socket: HeldSocket | None = None
        self._frames = FrameReader()
        self._unsent = b""
        self._last_id = 0
        self._awaited: tuple[int, int, int] | None = None
        self._asked_s = 0.0
        self._retry_s, self._retry_at_s = RETRY_FIRST_S, 0.0
        self._told_down = False

    # --- without waiting

    def poll(self, now_s: float) -> bool:
        """Takes what has come and connects when it is time. True when a Step may be sent now."""
        state = self.state
        if state is LinkState.READY:
            return True
        if state is LinkState.STOPPED:
            return False
        if state is LinkState.DOWN:
            if now_s >= self._retry_at_s:
                self._connect(now_s)
        elif state is LinkState.LOST:
            if now_s >= self._retry_at_s:
                self._guarded(lambda: self._register(now_s))
        elif now_s - self._asked_s > (REPLY_MAX_S if state is LinkState.LATE else REGISTER_REPLY_MAX_S):
            self.counters.add("reply_abandoned")
            self._down("no reply")
        else:
            self._guarded(self._receive_late)
        return self.state is LinkState.READY

    def wait_registered(self, timeout_s: float) -> bool:
        """For the engine's start, when nobody is served yet: waits a moment for the first session."""
        until = self._clock() + timeout_s
        while not self.poll(self._clock()) and self._clock() < until:
            if self._socket is None:
                return False
            self._wait_readable(min(0.02, max(0.0, until - self._clock())))
        return self.state is LinkState.READY

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.state = LinkState.STOPPED

    def restart(self, why: str) -> None:
        """Begins the session anew on this connection: the books are no longer to be trusted, or a table is full."""
        self.log(f"registers again: {why}")
        self.counters.add("restarts")
        self.owner.session_lost()
        if self.state in (LinkState.READY, LinkState.LOST):
            self.state, self._retry_at_s = LinkState.LOST, self._clock()
        elif self._socket is not None:
            self._down(why)

    # --- one Step

    def announce(self) -> None:
        """Wakes a sidecar that sleeps, when a Step will come within milliseconds: it cancels the call that was answered
        last, which has no other effect (Docs/wire.md, rule 9)."""
        if self.state is LinkState.READY:
            self._guarded(lambda: self._send(b'{"id":%d,"cancel":true}' % self._last_id))

    def step(self, message: dict[str, Any], deadline_s: float) -> dict[str, Any] | None:
        """Sends a Step and waits for its reply until `deadline_s` of the clock. None: no plan in time, run your own."""
        now_s = self._clock()
        self._last_id += 1
        self._awaited = (self._last_id, message["epoch"], message["seq"])
        self._asked_s = now_s
        timeout_us = max(1, int((deadline_s - now_s) * 1e6))
        request = {"id": self._last_id, "method": STEP, "timeout_us": timeout_us, "message": message}
        self.state = LinkState.LATE
        return self._guarded(lambda: self._exchange(request, deadline_s))

    def _exchange(self, request: dict[str, Any], deadline_s: float) -> dict[str, Any] | None:
        self._send(encode(request))
        began_s = self._clock()
        # An answer takes less time than going to sleep and waking up: look for it for a moment first.
        looking_until_s = min(deadline_s, began_s + (LOOK_S if self.looks else 0.0))
        held_until_s = min(deadline_s, began_s + HOLD_S)
        while True:
            now_s = self._clock()
            if now_s >= deadline_s or (now_s >= held_until_s and not self._wait_readable(deadline_s - now_s)):
                self.counters.add("late")
                return None
            if looking_until_s <= now_s < held_until_s:
                self._socket.wait(held_until_s - now_s)
            if self._receive():
                payload = self._frames.next()
                if payload is not None:
                    return self._reply(payload)

    def _receive_late(self) -> None:
        """A reply after its deadline tells only whether the Step counted; a reply to Register opens the session."""
        self._flush()
        if not self._wait_readable(0):
            return
        self._receive()
        payload = self._frames.next()
        if payload is None:
            return
        if self.state is LinkState.REGISTERING:
            self._registered(payload)
        else:
            self._reply(payload)

    # --- replies

    def _envelope(self, payload: bytes) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """(code, message, status) of the awaited reply."""
        try:
            envelope = decode(payload)
        except DECODE_ERRORS as error:
            raise Unusable(f"a reply is no JSON: {error}") from error
        status = envelope.get("status") if isinstance(envelope, dict) else None
        if not isinstance(status, dict) or not isinstance(status.get("code"), str):
            raise Unusable("a reply has no status")
        if self._awaited is None or envelope.get("id") != self._awaited[0]:
            raise Unusable(f"a reply with id {envelope.get('id')} that nobody awaits: {status}")
        message = envelope.get("message")
        return status["code"], message if isinstance(message, dict) else {}, status

    def _reply(self, payload: bytes) -> dict[str, Any] | None:
        code, message, status = self._envelope(payload)
        awaited = self._awaited
        if code == "OK":
            self._check_place(message, awaited)
            self._acknowledge()
            return message
        details = status.get("details")
        details = details if isinstance(details, dict) else {}
        if code in ("DEADLINE_EXCEEDED", "CANCELLED"):
            self._check_place(details, awaited)
            self.counters.add("plans_dropped")
            self._acknowledge()
            return None
        self._refused(code, details, status)
        return None

    @staticmethod
    def _check_place(found: dict[str, Any], awaited: tuple[int, int, int]) -> None:
        if (found.get("epoch"), found.get("seq")) != awaited[1:]:
            raise Unusable(f"a reply about {found.get('epoch')}/{found.get('seq')}; awaited {awaited[1]}/{awaited[2]}")

    def _acknowledge(self) -> None:
        self._awaited = None
        self.state = LinkState.READY
        self.owner.step_applied()

    def _refused(self, code: str, details: dict[str, Any], status: dict[str, Any]) -> None:
        reason = details.get("reason")
        if reason == "REPLACED":
            self.log("another engine registered with this server_id and rank: scheduling by itself from now on")
            self.owner.session_lost()
            self.close()
            return
        if reason != "RESYNC":
            raise Unusable(f"{code}: {status.get('message')}")
        self.counters.add("resyncs")
        self.log(f"RESYNC at {details.get('field')}: {status.get('message')}")
        self.owner.step_rejected()
        self.owner.session_lost()
        self._awaited = None
        self.state, self._retry_at_s = LinkState.LOST, self._clock() + self._retry_after_s(details)

    @staticmethod
    def _retry_after_s(details: dict[str, Any]) -> float:
        retry_ms = details.get("retry_after_ms", 0)
        is_sound = isinstance(retry_ms, int) and 0 <= retry_ms <= RETRY_AFTER_MS_MAX
        return (retry_ms if is_sound else RETRY_AFTER_MS_MAX) / 1000

    # --- connection and Register

    def _connect(self, now_s: float) -> None:
        try:
            link = HeldSocket(self.path)
        except OSError as error:
            self._retry_later(now_s)
            if not self._told_down:
                self._told_down = True
                self.log(f"no sidecar at {self.path} ({error.strerror or error}): scheduling by itself until it comes")
            return
        self._socket, self._frames, self._unsent = link, FrameReader(), b""
        self._guarded(lambda: self._register(now_s))

    def _register(self, now_s: float) -> None:
        self._last_id += 1
        self._awaited = (self._last_id, 0, 0)
        self._asked_s = now_s
        self.state = LinkState.REGISTERING
        self._send(encode({"id": self._last_id, "method": REGISTER, "message": self.owner.register_message()}))

    def _registered(self, payload: bytes) -> None:
        code, message, status = self._envelope(payload)
        if code == "UNAVAILABLE":
            details = status.get("details")
            self.counters.add("registers_refused")
            self._down(str(status.get("message")))
            retry_s = self._retry_after_s(details if isinstance(details, dict) else {})
            self._retry_at_s = max(self._retry_at_s, self._clock() + retry_s)
            return
        if code != "OK":
            raise Unusable(f"Register was refused, {code}: {status.get('message')}")
        epoch, fields = message.get("epoch"), message.get("step_fields")
        if not isinstance(epoch, int) or not isinstance(fields, list) or not STEP_FIELDS <= set(fields):
            raise Unusable(f"a reply to Register without an epoch, or with step_fields {fields}")
        self._awaited = None
        self._retry_s, self._told_down = RETRY_FIRST_S, False
        self.session = str(message.get("session", ""))
        self.state = LinkState.READY
        self.counters.add("registers")
        self.owner.registered(message)
        self.log(f"session {self.session} at {self.path}")

    def _guarded(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Unusable as error:
            self.counters.add("unusable_replies")
            self._down(str(error))
        except FrameError as error:
            self.counters.add("unusable_replies")
            self._down(f"no frame: {error}")
        except OSError as error:
            self.counters.add("connections_lost")
            self._down(error.strerror or str(error))
        return None

    def _down(self, why: str) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if not self._told_down:
            self._told_down = True
            self.log(f"connection to {self.path} ended ({why}): scheduling by itself until it is back")
        self._awaited = None
        self.state = LinkState.DOWN
        self._retry_later(self._clock())
        self.owner.session_lost()

    def _retry_later(self, now_s: float) -> None:
        self._retry_at_s = now_s + self._retry_s * (1 + self._rng.uniform(-RETRY_JITTER, RETRY_JITTER))
        self._retry_s = min(2 * self._retry_s, RETRY_LONGEST_S)

    # --- bytes

    def _send(self, payload: bytes) -> None:
        self._unsent += encode_frame(payload, FRAME_BYTES_MAX)
        self._flush()

    def _flush(self) -> None:
        """A frame that the kernel does not take at once is finished later, never left half-written."""
        while self._unsent:
            sent = self._socket.send(self._unsent)
            if sent == 0:
                return
            self._unsent = self._unsent[sent:]

    def _receive(self) -> bool:
        """Takes what has come; False when there is nothing."""
        data = self._socket.receive()
        if data is None:
            return False
        self._frames.feed(data)
        return True

    def _wait_readable(self, timeout_s: float) -> bool:
        descriptor = self._socket.fileno()
        if descriptor < SELECT_FD_MAX:
            return bool(select.select([descriptor], [], [], timeout_s)[0])
        waiter = select.poll()
        waiter.register(descriptor, select.POLLIN)
        return bool(waiter.poll(int(timeout_s * 1000)))
