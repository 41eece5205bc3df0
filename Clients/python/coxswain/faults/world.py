"""Several ranks of one server on one sidecar, interleaved, with a judge that compares what both sides hold."""

import random
import time
import traceback
from collections import Counter

from coxswain.client import Client

from .rank import REPLY_TIMEOUT_S, Mismatch, Rank

REQUESTS = "coxswain.v1.Admin/Requests"
WATCH = "coxswain.v1.Admin/Watch"
STATUS = "coxswain.v1.Admin/Status"
RANKS_MAX = 4
COMPARE_EVERY_STEPS = 40
DRAIN_EVERY_STEPS = 3_000
DRAIN_TURNS_MAX = 4_000
RESTART_EVERY_STEPS = 12_000
CHARGES_TIMEOUT_S = 5.0
CRASH_GRACE_S = 0.3


class World:
    """`sidecar`: a started SidecarProcess; `may_restart`: whether it may be killed and started again."""

    def __init__(self, seed, sidecar, may_restart=True, chaos=1.0, policy="exerciser"):
        self.seed, self.rng, self.sidecar, self.may_restart = seed, random.Random(seed), sidecar, may_restart
        self.chaos, self.policy = chaos, policy
        self.counts = Counter()
        self.steps = 0
        self.is_quiet = False
        self.server_id = f"server-{seed}"
        self.ranks = []
        self._since_drain = self._since_compare = self._since_restart = 0
        self._connected()
        self._make_ranks()

    @property
    def engine_socket(self):
        return self.sidecar.engine_socket

    def _connected(self):
        self.admin = Client(self.sidecar.admin_socket, idle_timeout_s=REPLY_TIMEOUT_S)
        # A reader of a stream that never reads must not disturb anybody.
        self.unread = Client(self.sidecar.admin_socket)
        self.unread.start(WATCH, {"interval_ms": 10})
        self.last_epoch = -1
        self.charged = Counter()
        # What the sidecar had charged before this world began (a sidecar may be shared).
        self._charged_before = self._sidecar_charges()

    def _make_ranks(self):
        count = self.rng.randint(1, RANKS_MAX)
        self.ranks = [Rank(self, index, count) for index in range(count)]
        self.counts["dp_ranks" if count > 1 else "one_rank"] += 1

    def pay(self, paid):
        self.charged.update(paid)

    # --- turns

    def turn(self):
        """Every rank once, in random order: all send, then all read, so that Steps of several ranks cross."""
        order = self.rng.sample(self.ranks, len(self.ranks))
        waiting = []
        before = self.steps
        for rank in order:
            if self._guarded(rank, rank.begin):
                waiting.append(rank)
        self.rng.shuffle(waiting)
        for rank in waiting:
            self._guarded(rank, rank.end)
        done = self.steps - before
        self._since_drain += done
        self._since_compare += done
        self._since_restart += done

    def run(self, steps, progress=None):
        """At least `steps` Steps, ended by a drain. `progress(done)` is called now and then."""
        target = self.steps + steps
        while self.steps < target:
            for _ in range(50):
                self.turn()
            if progress:
                progress(self.steps)
            if self._since_drain >= DRAIN_EVERY_STEPS:
                self.drain()
            if self.may_restart and self._since_restart >= RESTART_EVERY_STEPS * self.rng.uniform(0.5, 1.5):
                self.restart_sidecar()
        self.drain()

    def restart_sidecar(self):
        """kill -9 at any moment, Steps on their way included."""
        self.counts["sidecar_restart"] += 1
        self._since_restart = 0
        for rank in self.ranks:
            self._guarded(rank, rank.begin)
        self.sidecar.kill()
        self.admin.close()
        self.unread.close()
        for rank in self.ranks:
            rank.sidecar_died()
        self.sidecar.start()
        self._connected()
        if self.rng.random() < 0.5:
            self._make_ranks()

    def drain(self):
        """No new requests and no faults: everything must finish, and all charges must agree."""
        self.is_quiet = True
        self._since_drain = 0
        turns = 0
        while any(rank.engine.requests or rank.engine.in_flight or rank.request_id is not None for rank in self.ranks):
            self.turn()
            turns += 1
            if turns > DRAIN_TURNS_MAX:
                stuck = next(r for r in self.ranks if r.engine.requests or r.engine.in_flight)
                self._fail(stuck, Mismatch(
                    f"no progress: {len(stuck.engine.requests)} requests left after {turns} turns; "
                    f"config {vars(stuck.engine.config)}"))
        for _ in range(3):
            self.turn()
        self.counts["drain"] += 1
        for rank in self.ranks:
            self._guarded(rank, lambda rank=rank: self.compare(rank))
            self._guarded(rank, lambda rank=rank: self._compare_owed(rank))
        if all(rank.session.pending is None for rank in self.ranks):
            self._guarded(self.ranks[0], self.compare_charges)
        self.is_quiet = False

    def _guarded(self, rank, work):
        try:
            return work()
        except Mismatch as error:
            return self._fail(rank, error)
        except Exception as error:  # a reply that this client cannot read is a mismatch too
            traceback.print_exc()
            return self._fail(rank, error)

    def _fail(self, rank, error):
        lines = []
        for direction, what in rank.trace:
            if direction == ">":
                lines.append("> " + repr(bytes(what))[:3000])
            else:
                lines.append(f"< {what.id} {what.code} {what.error or what.message}"[:3000])
        # A process that crashed takes a moment to be gone.
        time.sleep(CRASH_GRACE_S)
        alive = "" if self.sidecar.is_alive() else " THE SIDECAR ENDED: " + self.sidecar.log_tail()
        raise Mismatch(
            f"seed {self.seed}, step {self.steps}, rank {rank.index} of {rank.count}, engine step {rank.session.seq}: "
            f"{type(error).__name__}: {error}{alive}\nlast messages of this rank:\n" + "\n".join(lines)) from error

    # --- the judge

    def compare_now(self, rank):
        if self._since_compare >= COMPARE_EVERY_STEPS:
            self._since_compare = 0
            self.compare(rank)

    def compare(self, rank):
        """Every request as Admin/Requests tells it, against the engine as of the Step sent last."""
        session = rank.session
        if not session.is_open or not session.seq:
            return
        message = self.admin.call(REQUESTS, {"session": rank.session_name, "limit": 1000})
        found = message["sessions"]
        if len(found) != 1:
            raise Mismatch(f"Admin/Requests tells {len(found)} sessions {rank.session_name}")
        found = found[0]
        place = (found["server_id"], found["dp_rank"], found["epoch"], found["seq"])
        if place != (self.server_id, rank.index, session.epoch, session.seq):
            raise Mismatch(f"Admin/Requests tells {place}; engine is at {session.epoch}/{session.seq}")
        mine, theirs = session.expected_requests(), {request["h"]: request for request in found["requests"]}
        if found["total"] != len(mine) or set(mine) != set(theirs) or len(found["requests"]) != len(theirs):
            raise Mismatch(f"requests differ: engine {sorted(mine)}, sidecar {sorted(theirs)} of {found['total']}")
        for handle, request in mine.items():
            told = {key: theirs[handle].get(key) for key in request}
            if told != request:
                differing = {k: (told[k], request[k]) for k in request if told[k] != request[k]}
                raise Mismatch(f"request {handle} differs (sidecar, engine): {differing}")
        self.counts["compared"] += 1
        self.counts["compared_requests"] += len(mine)

    def _compare_owed(self, rank):
        """The model's own books: every computed token is acknowledged or owed."""
        session = rank.session
        owed = session.owed_tokens()
        for tenant, tokens in rank.engine.computed_tokens.items():
            if owed.get(tenant, 0) > tokens:
                raise Mismatch(f"{tenant} owes {owed[tenant]} of {tokens} computed tokens")

    def _sidecar_charges(self):
        tenants = self.admin.call(STATUS)["tenants"]
        return Counter({tenant["name"]: tenant["charged_tokens"] for tenant in tenants})

    def compare_charges(self):
        """Counters merge off the hot path: they must agree soon, and stay so."""
        deadline = time.monotonic() + CHARGES_TIMEOUT_S
        while True:
            told = self._sidecar_charges()
            told.subtract(self._charged_before)
            if +told == +self.charged:
                self.counts["charges_compared"] += 1
                return
            if time.monotonic() > deadline:
                raise Mismatch(f"charges differ: sidecar {dict(+told)}, engines paid {dict(+self.charged)}")
            time.sleep(0.02)
