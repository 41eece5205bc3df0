"""Reads a plan and judges it by what the engine had told the sidecar (session rules 4, 8, 14, 16, 17)."""

from .prefixes import CACHE_VERBS, KEYS_MAX, is_key_string

HOLD_US_MIN, HOLD_US_MAX = 1_000, 100_000
PREEMPTING = ("requeue", "swap_cpu", "swap_ssd")
FIELDS = {
    "run", "decode", "pause", "truncate", "requeue", "swap_cpu", "swap_ssd", "abort", "victims", "order",
    "budget_tokens", "draft_batch", "draft_batch_levels", "hold_us", "cache", "placement", "reasons",
}
FIELD_VERBS = {
    "pause": "pause", "truncate": "truncate", "requeue": "requeue", "swap_cpu": "swap_cpu", "swap_ssd": "swap_ssd",
    "abort": "abort", "victims": "victim_order", "order": "order", "budget_tokens": "budget",
    "draft_batch": "draft_batch", "draft_batch_levels": "draft_batch", "hold_us": "hold",
}
# Only so many levels of a tree of drafts have more than one candidate, and so many each.
WIDE_LEVELS_MAX, WIDTH_MAX = 10, 8


class PlanViolation(Exception):
    """The plan breaks a rule: a bug of the sidecar."""


class Seen:
    """One tracked request as the last Step left it in the mirror."""

    __slots__ = ("request", "computed", "output", "running", "blocked", "in_flight", "promised")

    def __init__(self, request, in_flight):
        self.request = request
        self.computed, self.output = request.computed, request.output + request.promised
        self.running, self.blocked, self.in_flight = request.running, request.blocked, in_flight
        self.promised = request.promised

    @property
    def remaining(self):
        return self.request.prompt + self.output - self.computed


def read_levels(digits):
    """Candidates of each level of a tree of drafts."""
    require(isinstance(digits, str) and digits and set(digits) <= set("12345678"), "levels are", digits)
    require(set(digits[WIDE_LEVELS_MAX:]) <= {"1"}, "levels are", digits)
    return [int(digit) for digit in digits]


def depth(levels, drafts):
    """Levels that the first `drafts` drafts fill or begin; no levels: a chain."""
    if levels is None:
        return drafts
    count = 0
    while drafts > 0:
        drafts -= levels[count]
        count += 1
    return count


def cut(levels, drafts):
    """The levels of the first `drafts` drafts."""
    found = []
    for width in levels:
        if drafts > 0:
            found.append(min(width, drafts))
            drafts -= width
    return found


class Plan:
    """`verbs`: (verb, handle, argument) in the order in which they act. `items`: (handle, n, k) in plan order.
    `levels`: of those whose drafts are a tree, the candidates of each level."""

    def __init__(self, body, seen):
        self.body = body
        self.verbs = self._verbs(body)
        self.decodes_all = body.get("decode") == "all"
        run = body.get("run") or {}
        handles, counts = run.get("h", []), run.get("n", [])
        drafts = run.get("k") or [0] * len(handles)
        require(len(handles) == len(counts) == len(drafts), "ragged run columns", run)
        explicit = list(zip(handles, counts, drafts))
        levels = run.get("levels") or [""] * len(handles)
        require(len(handles) == len(levels), "ragged run columns", run)
        self.levels = {h: read_levels(digits) for h, digits in zip(handles, levels) if digits != ""}
        self.items = self._decode_set(seen, handles) + explicit if self.decodes_all else explicit
        cache = body.get("cache") or {}
        # What becomes of named prefixes: lists of keys.
        self.cache = {name: cache.get(name, []) for name in CACHE_VERBS}
        self.victims = body.get("victims", [])
        self.hold_us = body.get("hold_us")

    @property
    def is_empty(self):
        return not self.items and not self.verbs

    @staticmethod
    def _verbs(body):
        verbs = []
        truncate = body.get("truncate")
        if truncate:
            require(len(truncate["h"]) == len(truncate["keep_tokens"]), "ragged truncate columns", truncate)
            verbs += [("truncate", h, keep) for h, keep in zip(truncate["h"], truncate["keep_tokens"])]
        for verb in PREEMPTING:
            verbs += [(verb, h, None) for h in body.get(verb, ())]
        abort = body.get("abort")
        if abort:
            require(len(abort["h"]) == len(abort["retry_after_ms"]), "ragged abort columns", abort)
            verbs += [("abort", h, retry) for h, retry in zip(abort["h"], abort["retry_after_ms"])]
        return verbs

    def _decode_set(self, seen, explicit):
        """Every running, unblocked request neither paused nor in `run`; verbs act first."""
        out = set(explicit)
        out.update(self.body.get("pause", ()))
        out.update(h for verb, h, _ in self.verbs if verb != "truncate")
        return [(h, 1, 0) for h in sorted(seen) if seen[h].running and not seen[h].blocked and h not in out]


def require(condition, *words):
    if not condition:
        raise PlanViolation(" ".join(map(str, words)))


def check(plan, seen, config):
    """Raises PlanViolation at the first broken rule."""
    body = plan.body
    require(not set(body) - FIELDS, "unknown plan fields", set(body) - FIELDS)
    for field, verb in FIELD_VERBS.items():
        require(field not in body or verb in config.capabilities, "undeclared verb", verb)
    require(body.get("decode") in (None, "all"), "decode is", body.get("decode"))
    _check_verbs(plan, seen, config)
    _check_items(plan, seen, config)
    _check_lists(plan, seen)
    if plan.hold_us is not None:
        require(plan.is_empty, "a hold with work")
        require(HOLD_US_MIN <= plan.hold_us <= HOLD_US_MAX, "hold of", plan.hold_us, "us")
    if "budget_tokens" in body:
        require(0 < body["budget_tokens"] <= config.step_tokens, "budget of", body["budget_tokens"])


def check_cache(plan, seen, config, told, pinned):
    """What a plan does with named prefixes. `told`: keys that were named to the sidecar; `pinned`: those pinned now."""
    for name, keys in plan.cache.items():
        require(not keys or CACHE_VERBS[name] in config.capabilities, "undeclared verb", CACHE_VERBS[name])
        require(not keys or config.prefix_unit_tokens, name, "and nothing was named")
        require(len(keys) <= KEYS_MAX and len(set(keys)) == len(keys), name, "of", len(keys), "keys")
        for key in keys:
            require(is_key_string(key, 1) and key in told, name, "of", key, "which was never named")
    held = {key for view in seen.values() for key in view.request.prefix_keys}
    require(held.isdisjoint(plan.cache["evict"]), "evicts what somebody uses", plan.cache["evict"])
    require(held.issuperset(plan.cache["prefetch"]), "prefetches what nobody uses", plan.cache["prefetch"])
    require(pinned.issuperset(plan.cache["unpin"]), "unpins what is not pinned", plan.cache["unpin"])
    require(pinned.isdisjoint(plan.cache["pin"]), "pins what is pinned", plan.cache["pin"])
    require(len(pinned) + len(plan.cache["pin"]) - len(plan.cache["unpin"]) <= KEYS_MAX, "too many pins")
    require(set(plan.cache["evict"]).isdisjoint(plan.cache["pin"] + plan.cache["prefetch"]), "evicts what it keeps")


def _check_verbs(plan, seen, config):
    named = set()
    for verb, handle, argument in plan.verbs:
        require(handle in seen, verb, "of unknown handle", handle)
        require(handle not in named, handle, "named by two verbs")
        named.add(handle)
        view = seen[handle]
        if verb == "abort":
            require(argument >= 0, "abort with retry_after_ms", argument)
            continue
        require(view.running, verb, "of", handle, "which does not run")
        require(not view.in_flight or config.in_flight_preempt, verb, "of", handle, "which an unsettled plan names")
        if verb == "truncate":
            require(0 < argument < view.computed, "truncate", handle, "to", argument, "of", view.computed)


def _check_items(plan, seen, config):
    tokens, adapters, drafted = 0, set(), set()
    requeued = {h for verb, h, _ in plan.verbs if verb in PREEMPTING}
    gone = {h for verb, h, _ in plan.verbs if verb != "truncate"}
    sequences = sum(view.running for view in seen.values()) - len(requeued)
    planned = set()
    for handle, n, k in plan.items:
        require(handle in seen, "run names unknown handle", handle)
        require(handle not in planned, handle, "planned twice")
        require(handle not in gone, handle, "planned and preempted or aborted")
        planned.add(handle)
        view = seen[handle]
        _check_item(handle, view, n, k, config)
        _check_tree(handle, plan.levels.get(handle), k, config)
        tokens += n
        sequences += not view.running
        if view.request.adapter is not None:
            adapters.add(view.request.adapter)
        if k:
            drafted.add(k)
    require(tokens <= config.step_tokens, tokens, "tokens planned; the engine takes", config.step_tokens)
    require(sequences <= config.sequences or not any(not seen[h].running for h in planned),
            sequences, "sequences; the engine takes", config.sequences)
    require(not adapters or len(adapters) <= config.adapters_max, "too many adapters", adapters)
    if drafted and "draft_request" not in config.capabilities:
        most = plan.body.get("draft_batch", 0)
        require(max(drafted) <= most, "drafts", drafted, "beyond the batch's", most)
    if "draft_batch_levels" in plan.body:
        levels = read_levels(plan.body["draft_batch_levels"])
        _check_tree("the batch", levels, plan.body.get("draft_batch", 0), config)
        for handle, _, k in plan.items:
            of_one = plan.levels.get(handle, [1] * k)
            require(not k or of_one == cut(levels, k), handle, "drafts", of_one, "and the batch", levels)


def _check_item(handle, view, n, k, config):
    request = view.request
    require(not view.blocked, handle, "planned and blocked")
    require(k >= 0 and n - k >= 1, handle, "planned with n", n, "k", k)
    require(n - k <= view.remaining, handle, "planned with", n - k, "tokens;", view.remaining, "remain")
    require(view.output < request.max_output, handle, "planned beyond its output")
    if k:
        require(n - k == view.remaining, handle, "drafts without reaching its last token")
        most = config.k_max if config.tree is None else max(config.k_max, config.tree["nodes_max"])
        require(k <= most, handle, "drafts", k, "of at most", most)
        require(view.output + 1 + k <= request.max_output, handle, "drafts beyond its output")
    if view.in_flight:
        require(config.in_flight_repeat != "none", handle, "repeated in flight")
        require(config.in_flight_repeat != "prefill" or not view.promised, handle, "decode repeated in flight")
    expected = view.remaining - (request.cached_hint if not view.computed else 0)
    require(config.chunks or n - k >= max(1, expected), handle, "chunked to", n - k, "of", view.remaining,
            "without the verb")


def _check_tree(who, levels, k, config):
    if levels is None:
        require(k <= config.k_max, who, "drafts", k, "in a chain of at most", config.k_max)
        return
    require(config.tree is not None, who, "drafts a tree; the engine declared none")
    require(sum(levels) == k, who, "drafts", k, "in levels", levels)
    require(k <= config.tree["nodes_max"], who, "drafts", k, "of at most", config.tree["nodes_max"])
    require(len(levels) <= config.k_max, who, "has levels", levels, "of at most", config.k_max)
    require(max(levels) <= config.tree["width_max"], who, "has levels", levels, "too wide")


def check_blocks(plan, seen, config, free):
    """A plan of a serving policy fits the free blocks as told, a single item apart (it is tried although it does not
    fit: the engine knows of shared blocks). Not for plans with verbs: what those free is the engine's to say; nor for
    engines without `pause`: nobody who runs can be left out."""
    if plan.verbs or "pause" not in config.capabilities or len(plan.items) < 2:
        return
    if any(view.request.swapped for view in seen.values()):
        return
    need = [0] * len(free)
    for handle, n, _ in plan.items:
        computed = seen[handle].computed
        for group in config.groups:
            need[group.pool] += group.blocks(computed + n) - group.blocks(computed)
    require(all(n <= max(0, f) for n, f in zip(need, free)), "needs", need, "blocks of", free)


def _check_lists(plan, seen):
    planned = {item[0] for item in plan.items}
    for handle in plan.body.get("pause", ()):
        require(handle in seen and seen[handle].running, "pause names", handle, "which does not run")
        require(handle not in planned, handle, "paused and planned")
    for field in ("victims", "order"):
        handles = plan.body.get(field, ())
        require(len(set(handles)) == len(handles), field, "names somebody twice", handles)
        for handle in handles:
            require(handle in seen, field, "names unknown handle", handle)
    for handle in plan.body.get("order", ()):
        require(not seen[handle].running and handle not in planned, "order names", handle, "which runs")
