"""One scheduler loop: an engine of the model, its session, its connection, and what goes wrong with them."""

import itertools
from collections import deque

from coxswain.client import Client, ConnectionLost, DeadlinePassed
from coxswain.framing import HEADER, encode_frame, encode_message
from coxswain.model.config import EngineConfig
from coxswain.model.engine import Engine
from coxswain.model.plan import PlanViolation
from coxswain.model.prefixes import PREFIX_FIELDS, takes_prefixes
from coxswain.model.session import Session, SessionError

from .spoil import SPOILERS

STEP = "coxswain.v1.Scheduler/Step"
REGISTER = "coxswain.v1.Scheduler/Register"
UNREGISTER = "coxswain.v1.Scheduler/Unregister"
# State-changing fields that an engine sends only if the sidecar names them in its answer to Register.
STEP_FIELDS = {"launched", "settled", "state", "untracked_tokens", "spot"}
HEALTH = "grpc.health.v1.Health/Check"
REPLY_TIMEOUT_S = 15.0
STEP_TIMEOUT_US = 20_000_000
# Engines with a batch of hundreds; their Steps cost thirty times as much.
BIG_SHARE = 0.02
TRACE_LENGTH = 24

# What may happen to one Step, and how often.
FAULTS = (
    ("late", 0.030), ("cut_in_step", 0.004), ("cut_before_reply", 0.003), ("cut_in_reply", 0.003),
    ("deadline_1us", 0.020), ("cancel", 0.020), ("pipelined", 0.010), ("bad_json", 0.005), ("split_write", 0.020),
    ("unknown_method", 0.005), ("admin_method", 0.005), ("spoiled", 0.012), ("lost", 0.010), ("no_spot", 0.02),
    ("news_between", 0.15), ("replaced_waiting", 0.002), ("bad_frame", 0.003), ("unknown_field", 0.01),
)
FAULT_NAMES = [name for name, _ in FAULTS]
FAULT_WEIGHTS = list(itertools.accumulate(share for _, share in FAULTS))
FAULT_SHARE = FAULT_WEIGHTS[-1]
# Some Steps pass unharmed however high the chaos.
FAULT_SHARE_MAX = 0.9


class Mismatch(Exception):
    """The sidecar did something that the rules do not allow."""


class Rank:
    def __init__(self, world, index, count):
        self.world, self.rng, self.counts = world, world.rng, world.counts
        self.index, self.count = index, count
        self.client = None
        self.steps = 0
        self.boots = 0
        self.trace = deque(maxlen=TRACE_LENGTH)
        self.start_engine()

    def start_engine(self):
        """A new engine process: new boot id, new limits, nothing remembered."""
        self.boots += 1
        config = EngineConfig(self.rng, big=self.rng.random() < BIG_SHARE)
        boot_id = f"boot-{self.world.seed}-{self.index}-{self.boots}-{self.rng.randrange(10 ** 9)}"
        self.engine = Engine(config, self.rng, f"e{self.index}b{self.boots}")
        self.session = Session(
            self.engine, self.rng, self.world.server_id, self.index, self.count, boot_id, self.counts)
        self.session.serving_policy = self.world.policy != "exerciser"
        self.counts["big_engine"] += config.is_big
        self.counts[f"in_flight_{config.in_flight_max}"] += 1
        self.counts[f"repeat_{config.in_flight_repeat}"] += 1
        self.counts[f"shape_{config.shape}"] += 1
        self.request_id = None
        self.late_ticks = 0
        self.hold_until_us = None
        self.registered_anew = False

    # --- one turn: `begin` sends, `end` reads

    def begin(self):
        """Users, results, and at most one Step sent. True when `end` must be called."""
        self.engine.now_us += self.rng.randint(200, 20_000)
        event = self._users()
        event |= self._results()
        if self.client is None:
            if self.rng.random() < 0.5 or self.world.is_quiet:
                self._connect()
            else:
                self.session.run_own()
            return False
        if self.request_id is not None:
            return self._late()
        if not self.world.is_quiet and self._big_fault():
            return False
        if self.hold_until_us is not None:
            if not event and self.engine.now_us < self.hold_until_us and self.session.is_open:
                self.counts["hold_waited"] += 1
                return False
            self.hold_until_us = None
        return self._send_step()

    def _users(self):
        engine, rng = self.engine, self.rng
        event = False
        if self.world.is_quiet:
            for request in engine.requests.values():
                if request.blocked:
                    engine.set_blocked(request, False)
                    event = True
            return event
        if len(engine.requests) < engine.config.requests_max and rng.random() < 0.35:
            for _ in range(rng.randint(1, 40) if engine.config.is_big else 1):
                if rng.random() < 0.2:
                    engine.set_blocked(engine.arrive(), True)
                else:
                    engine.arrive()
            event = True
        if engine.requests and rng.random() < 0.25:
            event |= self._one_user()
        if rng.random() < 0.01:
            self._clock()
        return event

    def _one_user(self):
        engine, rng = self.engine, self.rng
        request = rng.choice(list(engine.requests.values()))
        if rng.random() < 0.2:
            engine.finish(request, "abort")
            self.counts["user_abort"] += 1
            return True
        engine.set_blocked(request, not request.blocked)
        if rng.random() < 0.3:
            # Ready and blocked again (or the other way round) within one interval: only the net state is sent.
            engine.set_blocked(request, not request.blocked)
            self.counts["block_flapped"] += 1
        return not request.blocked

    def _clock(self):
        if self.rng.random() < 0.5:
            self.session.clock_offset_us -= self.rng.choice((1, 1_000, 30_000, 3_600_000_000))
        else:
            self.session.clock_offset_us += self.rng.choice((1_000_000, 86_400_000_000))
            self.counts["clock_jump"] += 1

    def _results(self):
        engine, event = self.engine, False
        while engine.in_flight and (
                len(engine.in_flight) >= engine.config.in_flight_max or self.rng.random() < 0.3):
            self.session.settle()
            event = True
        return event

    # --- connection and Register

    def _connect(self):
        try:
            self.client = Client(self.world.engine_socket, idle_timeout_s=REPLY_TIMEOUT_S)
        except ConnectionLost as error:
            raise Mismatch(f"the sidecar does not listen: {error}") from error
        self._register()

    def _register(self):
        """Register, on whatever connection there is. The reply's `applied` settles what is owed."""
        session = self.session
        session.drop()
        request_id, frame = self.client.request_frame(REGISTER, session.register_message(), STEP_TIMEOUT_US)
        self._write(frame)
        reply = self._read(request_id)
        if reply.error:
            raise Mismatch(f"Register was refused: {reply.error}")
        self._registered(reply.message)

    def _registered(self, message):
        session, world = self.session, self.world
        self.counts["register"] += 1
        applied = message.get("applied")
        allowed = [session.last_applied]
        if session.pending and self.pending_may_count:
            allowed.append({"epoch": session.pending[0], "seq": session.pending[1]})
            if self.pending_must_count:
                allowed = allowed[1:]
        if applied not in allowed:
            raise Mismatch(f"Register says applied {applied}; expected one of {allowed}")
        paid = session.resolve_pending(applied)
        if paid:
            world.pay(paid)
        self.session_name, epoch = message["session"], message["epoch"]
        if epoch <= world.last_epoch:
            raise Mismatch(f"epoch {epoch} after {world.last_epoch}; expected it to grow with each Register")
        world.last_epoch = epoch
        if message["mirror_limits"]["arrived_per_step"] < 256:
            raise Mismatch(f"mirror limits {message['mirror_limits']}")
        if not STEP_FIELDS <= set(message["step_fields"]):
            raise Mismatch(f"step_fields {message['step_fields']}; this adapter sends {sorted(STEP_FIELDS)}")
        names_prefixes = takes_prefixes(self.engine.config.describe())
        told = PREFIX_FIELDS & set(message["step_fields"])
        if told != (PREFIX_FIELDS if names_prefixes else set()):
            raise Mismatch(f"step_fields {message['step_fields']} for an engine with"
                           f"{'' if names_prefixes else 'out'} names of prefixes")
        session.open(epoch, names_prefixes)
        if self.rng.random() < 0.2 and len(self.engine.in_flight) < self.engine.config.in_flight_max:
            session.run_own()

    def cut(self, may_count=False, must_count=False):
        """The connection ends. `may_count`: the last Step may have been applied; `must_count`: it was."""
        self.client.close()
        self.client = None
        self.request_id = None
        self.hold_until_us = None
        self.pending_may_count, self.pending_must_count = may_count, must_count
        if self.session.pending and not may_count:
            self.session.rejected()
        self.session.drop()
        self.counts["cut"] += 1

    def sidecar_died(self):
        """Nothing that the old process applied is remembered by the new one."""
        self.session.last_applied = None
        if self.session.pending:
            self.session.rejected()
        if self.client:
            self.cut()

    # --- bytes

    def _write(self, frame):
        self.trace.append((">", frame))
        try:
            self.client.send(frame)
        except ConnectionLost as error:
            raise Mismatch(f"the sidecar closed the connection: {error}") from error

    def _read(self, request_id):
        try:
            reply = self.client.wait(request_id)
        except ConnectionLost as error:
            raise Mismatch(f"the sidecar closed the connection instead of answering: {error}") from error
        except DeadlinePassed as error:
            raise Mismatch(f"no reply to {request_id}, but to {self.client.unclaimed}: {error}") from error
        self.trace.append(("<", reply))
        return reply

    # --- the Step and its small faults

    def _send_step(self):
        session, rng = self.session, self.rng
        message = session.build_step()
        self.counts["arrivals_256"] += len(message.get("arrived", {}).get("h", ())) == 256
        if session.is_sync:
            self.counts["sync_step"] += 1
        self.steps += 1
        self.world.steps += 1
        self.fault = None if self.world.is_quiet else self._draw_fault()
        if self.fault == "spoiled" and not self._spoil(message):
            self.fault = None
        if self.fault == "no_spot":
            message.pop("spot", None)
        if self.fault == "unknown_field":
            self.counts["unknown_field"] += 1
            message["from_the_future"] = {"h": [1], "deep": [[[{}]]], "text": "\u00fc\\"}
        timeout_us = rng.choice((0, 1)) if self.fault == "deadline_1us" else STEP_TIMEOUT_US
        request_id, frame = self.client.request_frame(STEP, message, timeout_us)
        if self.fault == "cut_in_step":
            place = rng.randrange(0, len(frame)) if rng.random() < 0.6 else rng.randrange(0, HEADER.size)
            self.counts["cut_in_header" if place < HEADER.size else "cut_in_payload"] += 1
            self._write(frame[:place])
            self.cut()
            self.session.run_own()
            return False
        self._write(self._dress(frame, request_id))
        self.request_id = request_id
        if self.fault == "cut_before_reply":
            self.counts["cut_before_reply"] += 1
            self.cut(may_count=True)
            return False
        if self.fault == "cut_in_reply":
            self._cut_in_reply()
            return False
        if self.fault == "replaced_waiting":
            self._replace_waiting()
            return False
        if self.fault == "late":
            self.counts["late_plan"] += 1
            self.late_ticks = rng.randint(1, 4)
            session.run_own()
            return False
        return True

    def _draw_fault(self):
        if self.rng.random() >= min(FAULT_SHARE_MAX, FAULT_SHARE * self.world.chaos):
            return None
        return self.rng.choices(FAULT_NAMES, cum_weights=FAULT_WEIGHTS)[0]

    def _spoil(self, message):
        for name, function in self.rng.sample(SPOILERS, 8):
            expected = function(self.rng, self.session, message)
            if expected:
                self.spoiled, self.spoiled_field = name, expected
                self.counts["spoiled_" + name] += 1
                return True
        return False

    def _dress(self, frame, request_id):
        """The bytes around the Step's frame."""
        fault = self.fault
        if fault in ("cancel", "pipelined", "bad_json", "unknown_method", "admin_method", "bad_frame"):
            self.counts[fault] += 1
        if fault == "cancel":
            return frame + encode_message({"id": request_id, "cancel": True})
        if fault in ("pipelined", "unknown_method", "admin_method"):
            method = {"pipelined": HEALTH, "unknown_method": "coxswain.v1.Scheduler/Guess",
                      "admin_method": "coxswain.v1.Admin/Status"}[fault]
            self.other_id, other = self.client.request_frame(method)
            return other + frame if self.rng.random() < 0.5 else frame + other
        if fault == "bad_json":
            text = self.rng.choice((b"{", b"", b"[1]", b"{}", b"\xff\xfe", b"{}x", b"nul", b"{\"id\":-1}"))
            return encode_frame(text) + frame
        if fault == "bad_frame":
            flag, length = self.rng.choice(((1, 2), (0, 0xFFFFFFFF), (255, 0xFFFFFFFF), (0, (4 << 20) + 1)))
            self.expected_code = "UNIMPLEMENTED" if flag else "RESOURCE_EXHAUSTED"
            return frame + HEADER.pack(flag, length)
        if fault == "split_write":
            place = self.rng.randrange(1, len(frame))
            self.counts["split_write"] += 1
            self._write(frame[:place])
            return frame[place:]
        return frame

    def _cut_in_reply(self):
        """Some bytes of the reply were read, so the Step was applied."""
        try:
            read = self.client.socket.recv(self.rng.randint(1, 40))
        except OSError as error:
            raise Mismatch(f"no reply: {error}") from error
        if not read:
            raise Mismatch("the sidecar closed the connection instead of answering")
        self.counts["cut_in_reply"] += 1
        self.cut(may_count=True, must_count=True)

    def _late(self):
        """The engine's own deadline is over: its own scheduler runs until the reply was read (state LATE)."""
        if self.late_ticks > 0 and not self.world.is_quiet:
            self.late_ticks -= 1
            self.session.run_own()
            return False
        reply = self._read(self.request_id)
        self.request_id = None
        if reply.error and reply.error.code != "DEADLINE_EXCEEDED":
            raise Mismatch(f"late reply: {reply.error}")
        self._applied(reply.error.details if reply.error else reply.message)
        self.session.run_own()
        return False

    def end(self):
        """Reads the reply and does what it says."""
        if self.fault == "news_between":
            self.counts["news_between"] += 1
            self._users()
            self._results_between()
        if self.fault == "bad_json":
            self._expect(0, "INVALID_ARGUMENT")
        reply = self._read(self.request_id)
        self.request_id = None
        if self.fault == "pipelined":
            self._expect(self.other_id, "OK")
        elif self.fault == "unknown_method":
            self._expect(self.other_id, "UNIMPLEMENTED")
        elif self.fault == "admin_method":
            self._expect(self.other_id, "PERMISSION_DENIED")
        if self.fault == "spoiled":
            self._expect_resync(reply)
        elif self.fault == "bad_frame":
            self._after_bad_frame(reply)
        elif reply.error:
            self._plan_dropped(reply.error)
        else:
            self._use(reply.message)

    def _results_between(self):
        if self.engine.in_flight and self.rng.random() < 0.5:
            self.session.settle()
            self.counts["result_between"] += 1

    def _expect(self, request_id, code):
        reply = self._read(request_id)
        if reply.code != code:
            raise Mismatch(f"{self.fault}: answered with {reply.code} {reply.error}; expected {code}")

    def _applied(self, place):
        session = self.session
        if (place.get("epoch"), place.get("seq")) != (session.epoch, session.seq):
            raise Mismatch(f"reply about {place}; Step {session.epoch}/{session.seq} was awaited")
        self.world.pay(session.acknowledged())

    def _plan_dropped(self, error):
        """DEADLINE_EXCEEDED and CANCELLED acknowledge the Step; everything else is a mismatch here."""
        expected = {"deadline_1us": "DEADLINE_EXCEEDED", "cancel": "CANCELLED"}.get(self.fault)
        if error.code != expected:
            raise Mismatch(f"Step {self.session.seq} with fault {self.fault} was answered with {error}")
        self.counts["plan_dropped_" + error.code.lower()] += 1
        self._applied(error.details)
        self._own_unless_idle()

    def _own_unless_idle(self):
        """No plan: usually the own scheduler runs, sometimes nothing does (mode none)."""
        if self.rng.random() < 0.85:
            self.session.run_own()
        else:
            self.counts["mode_none"] += 1

    def _use(self, message):
        session = self.session
        if self.fault == "deadline_1us" and not session.is_sync:
            raise Mismatch(f"a deadline of 1 us gave {message}")
        try:
            plan = session.read_plan(message)
        except (PlanViolation, SessionError) as error:
            raise Mismatch(f"plan {message.get('plan')}: {error}; config {vars(session.config)}") from error
        self._applied(message)
        if plan is None:
            session.run_own()
            return
        self.world.compare_now(self)
        if self.fault in ("cancel", "lost"):
            self.counts["lost_plan"] += 1
            self._own_unless_idle()
            return
        self._launch(plan)

    def _launch(self, plan):
        self.counts["plan"] += 1
        self.counts["decode_all"] += plan.decodes_all
        self.counts["drafting_plan"] += any(k for _, _, k in plan.items)
        self.counts["tree_plan"] += bool(plan.levels)
        if plan.hold_us is not None:
            self.counts["hold"] += 1
            self.hold_until_us = self.engine.now_us + plan.hold_us
        self.session.launch_plan(plan)

    # --- faults that end a session

    def _expect_resync(self, reply):
        """Nothing of the Step counts; every Step gets RESYNC until Register on the same connection."""
        self.session.rejected()
        self._check_resync(reply, self.spoiled_field)
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            request_id, frame = self.client.request_frame(STEP, self.session.build_step(), STEP_TIMEOUT_US)
            self._write(frame)
            self._check_resync(self._read(request_id), "")
            self.session.rejected()
            self.counts["resync_again"] += 1
        if self.rng.random() < 0.8:
            self.counts["register_same_connection"] += 1
            self.pending_may_count = False
            self._register()
        else:
            self.cut()

    def _check_resync(self, reply, field):
        error = reply.error
        if not error or error.code != "FAILED_PRECONDITION" or error.reason != "RESYNC":
            raise Mismatch(f"{self.spoiled}: answered with {error or reply.message}; expected RESYNC")
        if not 0 <= error.details.get("retry_after_ms", -1) <= 60_000:
            raise Mismatch(f"{self.spoiled}: RESYNC with details {error.details}")
        if not (error.field or "").startswith(field):
            raise Mismatch(f"{self.spoiled}: RESYNC points to {error.field}; expected {field}")
        self.counts["resync"] += 1

    def _after_bad_frame(self, reply):
        """The Step before it counts; the bad header is answered, then the connection ends."""
        if reply.error:
            raise Mismatch(f"Step before a bad frame was answered with {reply.error}")
        self._applied(reply.message)
        self._expect(0, self.expected_code)
        try:
            extra = self.client.receive()
        except ConnectionLost:
            self.cut()
            return
        raise Mismatch(f"after a bad frame the sidecar still answers: {extra.message} {extra.error}")

    def _big_fault(self):
        roll = self.rng.random() / self.world.chaos
        if roll < 0.0015:
            self.counts["engine_restart"] += 1
            self.cut()
            self.start_engine()
        elif roll < 0.004:
            self.counts["cut_idle"] += 1
            self.cut()
        elif roll < 0.0055:
            self._replace_idle()
        elif roll < 0.0065:
            self.counts["register_again"] += 1
            self.hold_until_us = None
            self._register()
        elif roll < 0.0075:
            self._unregister()
        else:
            return False
        return True

    def _unregister(self):
        self.counts["unregister"] += 1
        self.hold_until_us = None
        request_id, frame = self.client.request_frame(UNREGISTER)
        self._write(frame)
        reply = self._read(request_id)
        if reply.error:
            raise Mismatch(f"Unregister was answered with {reply.error}")
        self._register()

    def _replace_idle(self):
        """Another connection registers this rank; the old one's next Step gets ABORTED, REPLACED."""
        self.counts["replaced_session"] += 1
        old, old_epoch, old_seq = self.client, self.session.epoch, self.session.seq
        self.hold_until_us = None
        self._connect()
        check = {"epoch": old_epoch, "seq": old_seq + 1, "now_us": 0,
                 "kv_free_blocks": self.engine.pools.free(), "check": [0, 0, 0, 0, 0]}
        request_id = old.start(STEP, check)
        self._expect_replaced(old.wait(request_id))
        old.close()

    def _replace_waiting(self):
        """The same while a Step is on its way: it is applied or it is not, and `applied` says which."""
        self.counts["replaced_waiting"] += 1
        old, request_id = self.client, self.request_id
        self.request_id = None
        self.pending_may_count, self.pending_must_count = True, False
        session = self.session
        place = {"epoch": session.epoch, "seq": session.seq}
        self._connect()
        reply = old.wait(request_id)
        if (session.last_applied == place) != (reply.error is None):
            raise Mismatch(f"replaced while waiting: applied {session.last_applied}, Step {place} got {reply.error}")
        if reply.error:
            self._expect_replaced(reply)
        old.close()

    def _expect_replaced(self, reply):
        if not reply.error or reply.error.code != "ABORTED" or reply.error.reason != "REPLACED":
            raise Mismatch(f"the replaced session got {reply.error or reply.message}; expected ABORTED, REPLACED")
