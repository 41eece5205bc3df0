"""An independent mirror, built from messages only: the judge of what a sidecar must hold after each Step."""

from .plan import depth
from .prefixes import PREFIX_KEYS_MAX, is_key_string, keys_of
from .session import ARRIVALS_MAX

VERB_ORDER = ("truncate", "requeue", "swap_cpu", "swap_ssd")
ARRIVAL_COLUMNS = ("h", "id", "tenant", "class", "prompt", "max_output", "age_us")


class Rejected(Exception):
    """The Step is answered with RESYNC. `field` is a JSON pointer."""

    def __init__(self, field, reason):
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class Entry:
    __slots__ = ("h", "id", "tenant", "kind", "adapter", "prompt", "max_output", "computed", "output", "running",
                 "blocked", "arrived_us", "unsettled", "prefix_keys")

    def __init__(self, h, name, tenant, kind, adapter, prompt, max_output, arrived_us):
        self.h, self.id, self.tenant, self.kind, self.adapter = h, name, tenant, kind, adapter
        self.prompt, self.max_output, self.arrived_us = prompt, max_output, arrived_us
        self.computed = self.output = self.unsettled = 0
        self.running = self.blocked = False
        self.prefix_keys = []

    @property
    def remaining(self):
        return self.prompt + self.output - self.computed


class Record:
    """A launched, unsettled plan: whom it names, and the drafts that were really computed, with their levels."""

    __slots__ = ("entries", "drafted", "has_trees")

    def __init__(self):
        self.entries, self.drafted, self.has_trees = [], [], False


def integer(value, field, least=0):
    if type(value) is not int or value < least:
        raise Rejected(field, f"{value!r}; expected an integer of at least {least}")
    return value


def columns(message, field, names):
    """The columns of a group, all of one length."""
    group = message.get(field)
    if group is None:
        return [[] for _ in names]
    if not isinstance(group, dict):
        raise Rejected("/" + field, "expected an object of columns")
    found = []
    for name in names:
        column = group.get(name)
        if not isinstance(column, list) or len(column) != len(group.get("h", group.get(names[0]))):
            raise Rejected(f"/{field}/{name}", "expected a column as long as the others")
        found.append(column)
    return found


def check_types(step):
    """Each field's JSON type; the columns are looked at where they act."""
    for field, kind in (
            ("names", list), ("arrived", dict), ("launched", dict), ("settled", list), ("state", dict),
            ("removed", dict), ("blocked", dict), ("ready", list), ("untracked_tokens", dict), ("check", list),
            ("spot", list), ("sync", bool)):
        if field in step and not isinstance(step[field], kind):
            raise Rejected("/" + field, f"{step[field]!r}; expected {kind.__name__}")
    for name in step.get("names", ()):
        if not isinstance(name, str):
            raise Rejected("/names", f"{name!r}; expected a string")


class Mirror:
    def __init__(self, register):
        self.register = register
        self.pool_count = len(register["model"]["pools"])
        self.in_flight_max = register["in_flight_max"]
        self.entries, self.names, self.charges = {}, [], {}
        self.unsettled = {}
        self.retired = {}
        self.told_keys = set()
        self.free_blocks = [pool["blocks"] for pool in register["model"]["pools"]]
        self.clock_us = self._reported_us = register["now_us"]
        self.seq = 0
        self.plan = None

    def apply(self, step):
        """All or nothing: after Rejected the mirror is worthless."""
        check_types(step)
        self._staged = []
        seq = step["seq"]
        free = step.get("kv_free_blocks")
        if not isinstance(free, list) or len(free) != self.pool_count:
            raise Rejected("/kv_free_blocks", f"{free}; expected {self.pool_count} counts")
        for count in free:
            integer(count, "/kv_free_blocks")
        cached = step.get("kv_cached_blocks", free)
        if not isinstance(cached, list) or len(cached) != self.pool_count:
            raise Rejected("/kv_cached_blocks", f"{cached}; expected {self.pool_count} counts")
        for count in cached:
            integer(count, "/kv_cached_blocks")
        self.free_blocks = free
        self._clock(integer(step.get("now_us"), "/now_us", -2 ** 63))
        self.names += step.get("names", [])
        self._arrived(step)
        self._launched(step)
        self._settled(step)
        self._state(step)
        self._removed(step, seq)
        self._blocked(step)
        for tenant, tokens in zip(*self._untracked(step)):
            self._staged.append((self._name(tenant, "/untracked_tokens/tenant"), integer(tokens, "/untracked_tokens")))
        self._verify(step)
        for tenant, tokens in self._staged:
            self.charges[tenant] = self.charges.get(tenant, 0) + tokens
        oldest = min(self.unsettled, default=seq)
        self.retired = {h: gone for h, gone in self.retired.items() if gone > oldest}
        self.seq = seq
        self.plan = None

    def _clock(self, now_us):
        self.clock_us += max(0, now_us - self._reported_us)
        self._reported_us = now_us

    def _name(self, index, field):
        if type(index) is not int or not 0 <= index < len(self.names):
            raise Rejected(field, f"name {index!r} was never sent")
        return self.names[index]

    def _entry(self, handle, field):
        entry = self.entries.get(handle) if type(handle) is int else None
        if entry is None:
            raise Rejected(field, f"handle {handle!r} is unknown")
        return entry

    @staticmethod
    def _once(handles, field):
        if len(set(handles)) != len(handles):
            raise Rejected(field, "a handle is named twice")

    # --- the parts of a Step, in the order in which they act

    def _arrived(self, step):
        found = columns(step, "arrived", ARRIVAL_COLUMNS)
        if len(found[0]) > ARRIVALS_MAX:
            raise Rejected("/arrived/h", f"{len(found[0])} arrivals; expected at most {ARRIVALS_MAX}")
        adapters = step.get("arrived", {}).get("adapter", [-1] * len(found[0]))
        for h, name, tenant, kind, prompt, most, age_us, adapter in zip(*found, adapters):
            if type(h) is not int or not 0 <= h < 2 ** 32:
                raise Rejected("/arrived/h", f"{h!r}; expected a 32-bit handle")
            if h in self.entries:
                raise Rejected("/arrived/h", f"handle {h} is live already")
            if h in self.retired:
                raise Rejected("/arrived/h", f"handle {h} returns too early")
            self.entries[h] = Entry(
                h, name, self._name(tenant, "/arrived/tenant"), self._name(kind, "/arrived/class"),
                None if adapter == -1 else self._name(adapter, "/arrived/adapter"),
                integer(prompt, "/arrived/prompt"), integer(most, "/arrived/max_output"), self.clock_us - age_us)

        self._named(step.get("arrived", {}))

    def _named(self, arrived):
        """Names of prefixes, and what a slower tier holds of them."""
        for name in ("prefix", "tier_tokens"):
            column = arrived.get(name)
            if column is not None and (not isinstance(column, list) or len(column) != len(arrived["h"])):
                raise Rejected("/arrived/" + name, "expected a column as long as the others")
        for h, text in zip(arrived.get("h", ()), arrived.get("prefix", ())):
            if not is_key_string(text, PREFIX_KEYS_MAX):
                raise Rejected("/arrived/prefix", f"{text!r}; expected keys")
            self.entries[h].prefix_keys = keys_of(text)
            self.told_keys.update(self.entries[h].prefix_keys)
        for tokens in arrived.get("tier_tokens", ()):
            integer(tokens, "/arrived/tier_tokens")

    def _launched(self, step):
        launched = step.get("launched")
        if launched is None:
            launched = {"seq": self.seq, "x": None}
        if launched.get("seq") != self.seq:
            raise Rejected("/launched/seq", f"{launched.get('seq')}; expected {self.seq}")
        mode = launched.get("mode", "plan")
        if mode == "plan":
            self._launched_plan(launched)
        elif mode == "fallback":
            record = self.unsettled[self.seq] = Record()
            self._once(launched["h"], "/launched/h")
            for h, n in zip(launched["h"], launched["n"]):
                entry = self._entry(h, "/launched/h")
                self._staged.append((entry.tenant, integer(n, "/launched/n")))
                self._name_in(record, entry)
        elif mode != "none":
            raise Rejected("/launched/mode", f"{mode!r}")

    @staticmethod
    def _name_in(record, entry):
        record.entries.append(entry)
        entry.unsettled += 1

    def _launched_plan(self, launched):
        exceptions = launched.get("x") or {"h": [], "n": [], "why": []}
        if not len(exceptions["h"]) == len(exceptions["n"]) == len(exceptions["why"]):
            raise Rejected("/launched/x", "ragged columns")
        self._once(exceptions["h"], "/launched/x/h")
        if self.plan is None:
            if exceptions["h"]:
                raise Rejected("/launched/mode", "no plan was given")
            return
        record = Record()
        for verb, handle, argument in self.plan.verbs:
            self._act(verb, self.entries[handle], argument)
        for h, n in zip(exceptions["h"], exceptions["n"]):
            entry = self._entry(h, "/launched/x/h")
            self._staged.append((entry.tenant, integer(n, "/launched/x/n")))
        self._launched_items(launched.get("drafted"), set(exceptions["h"]), record)
        planned = {h for h, _, _ in self.plan.items}
        if planned:
            for h in exceptions["h"]:
                if h not in planned:
                    self._name_in(record, self.entries[h])
            self.unsettled[self.seq] = record

    @staticmethod
    def _act(verb, entry, argument):
        if not entry.running:
            return
        if verb == "truncate":
            if 0 < argument < entry.computed:
                entry.computed = argument
        elif verb == "requeue":
            entry.computed, entry.running = 0, False
        elif verb != "abort":
            entry.running = False

    def _launched_items(self, drafted, exceptions, record):
        digits = None if drafted is None else [int(digit, 36) for digit in drafted]
        place = 0
        for h, n, k in self.plan.items:
            entry = self.entries[h]
            self._name_in(record, entry)
            really = k
            if k and digits is not None:
                if place >= len(digits) or digits[place] > k:
                    raise Rejected("/launched/drafted", "expected one digit per drafting item, at most its plan")
                really = digits[place]
                place += 1
            if k:
                verified = 0 if h in exceptions else really
                most = depth(self.plan.levels.get(h), verified)
                record.drafted.append((entry, verified, most))
                record.has_trees |= most < verified
            if h in exceptions:
                continue
            samples = n - k == entry.remaining
            entry.computed += n - k + really
            entry.running = True
            self._staged.append((entry.tenant, n - k + really))
            if samples:
                entry.output += 1 + really
        if digits is not None and place != len(digits):
            raise Rejected("/launched/drafted", f"{len(digits)} digits; expected {place}")

    def _settled(self, step):
        last = -1
        for place, entry in enumerate(step.get("settled", ())):
            seq, field = entry["seq"], f"/settled/{place}"
            if seq <= last or seq > self.seq:
                raise Rejected(field + "/seq", f"{seq} is out of order")
            last = seq
            digits = [int(digit, 36) for digit in entry.get("accepted", "")]
            record = self.unsettled.pop(seq, None)
            if record is None:
                if digits or any(other < seq for other in self.unsettled):
                    raise Rejected(field + "/seq", f"{seq} is not unsettled")
                continue
            for named in record.entries:
                named.unsettled -= 1
            if (digits or record.has_trees) and len(digits) != len(record.drafted):
                raise Rejected(field + "/accepted", f"{len(digits)} digits; expected {len(record.drafted)}")
            for (drafter, k, most), accepted in zip(record.drafted, digits):
                if accepted > most:
                    raise Rejected(field + "/accepted", f"{accepted} accepted of {k}, {most} deep")
                drafter.computed -= k - accepted
                drafter.output -= k - accepted
        if len(self.unsettled) > self.in_flight_max - 1:
            raise Rejected("/settled", f"{len(self.unsettled)} unsettled; expected at most {self.in_flight_max - 1}")

    def _state(self, step):
        handles, computed, output, running = columns(step, "state", ("h", "computed", "output", "running"))
        self._once(handles, "/state/h")
        for h, c, o, r in zip(handles, computed, output, running):
            entry = self._entry(h, "/state/h")
            if integer(c, "/state/computed") > entry.prompt + integer(o, "/state/output"):
                raise Rejected("/state/computed", f"{c}; expected at most {entry.prompt + o}")
            if r not in (0, 1):
                raise Rejected("/state/running", f"{r}; expected 0 or 1")
            entry.computed, entry.output, entry.running = c, o, bool(r)

    def _removed(self, step, seq):
        for h in columns(step, "removed", ("h", "why"))[0]:
            self._entry(h, "/removed/h")
            del self.entries[h]
            self.retired[h] = seq

    def _blocked(self, step):
        blocked, ready = columns(step, "blocked", ("h", "why"))[0], step.get("ready", [])
        self._once(blocked + ready, "/blocked/h")
        for h in blocked:
            self._entry(h, "/blocked/h").blocked = True
        for h in ready:
            self._entry(h, "/ready").blocked = False

    @staticmethod
    def _untracked(step):
        group = step.get("untracked_tokens", {"tenant": [], "tokens": []})
        if len(group["tenant"]) != len(group["tokens"]):
            raise Rejected("/untracked_tokens", "ragged columns")
        return group["tenant"], group["tokens"]

    def check(self):
        running = blocked = computed = output = 0
        for entry in self.entries.values():
            running += entry.running
            blocked += entry.blocked
            computed += entry.computed
            output += entry.output
        return [running, len(self.entries) - running, blocked, computed, output]

    def _verify(self, step):
        check = step.get("check")
        if check is not None and check != self.check():
            place = next((i for i, (a, b) in enumerate(zip(check, self.check())) if a != b), 0)
            raise Rejected(f"/check/{place}", f"check differs: mirror {self.check()}, engine {check}")
        spot = step.get("spot")
        if spot is not None:
            entry = self._entry(spot[0], "/spot/0")
            mine = [entry.h, entry.computed, entry.output, int(entry.running), int(entry.blocked)]
            for place, (a, b) in enumerate(zip(mine, spot)):
                if a != b:
                    raise Rejected(f"/spot/{place}", f"spot differs: mirror {mine}, engine {spot}")
