"""Reads a plan and checks it before anything is done with it."""

from __future__ import annotations

from typing import Any, Mapping

HOLD_US_MIN, HOLD_US_MAX = 1_000, 100_000
DRAFTS_MAX = 35
#: Members of a plan that need a verb which the engine declared.
FIELD_VERBS = {
    "pause": "pause", "truncate": "truncate", "requeue": "requeue", "swap_cpu": "swap_cpu", "swap_ssd": "swap_ssd",
    "abort": "abort", "victims": "victim_order", "order": "order", "budget_tokens": "budget",
    "draft_batch": "draft_batch", "hold_us": "hold",
}

#: Lists of the cache plan that need a verb which the engine declared.
CACHE_VERBS = {"evict": "kv_evict", "pin": "kv_pin", "unpin": "kv_pin", "prefetch": "kv_prefetch"}
#: Keys in one list, and the digits of one.
KEYS_MAX = 256
KEY_DIGITS = 16


class PlanError(Exception):
    """The plan cannot be used; the engine schedules this step by itself."""


class Plan:
    """Work of one iteration. `run_k` is None when nobody drafts. Handles are the session's."""

    __slots__ = (
        "decode_all", "run_h", "run_n", "run_k", "pause", "requeue", "victims", "order", "budget_tokens", "hold_us",
        "evict", "pin", "unpin", "prefetch")

    decode_all: bool
    run_h: list[int]
    run_n: list[int]
    run_k: list[int] | None
    pause: list[int]
    requeue: list[int]
    victims: list[int]
    order: list[int]
    budget_tokens: int | None
    hold_us: int | None
    #: What becomes of named prefixes: keys of 16 hexadecimal digits.
    evict: list[str]
    pin: list[str]
    unpin: list[str]
    prefetch: list[str]

    @property
    def is_empty(self) -> bool:
        return not (self.decode_all or self.run_h or self.requeue)


def read_plan(body: Any, known: Mapping[int, Any], verbs: frozenset[str], step_tokens: int, k_max: int) -> Plan:
    """The plan in a reply. `known`: live handles; `verbs`: what the engine declared; the limits are the engine's."""
    if not isinstance(body, dict):
        raise PlanError(f"plan is {type(body).__name__}; expected an object")
    for field in body:
        verb = FIELD_VERBS.get(field)
        if verb is not None and verb not in verbs:
            raise PlanError(f"{field} without the verb {verb}")
    if "draft_batch_levels" in body or isinstance(body.get("run"), dict) and "levels" in body["run"]:
        raise PlanError("drafts in trees; the engine declared none")
    plan = Plan()
    plan.decode_all = body.get("decode") == "all"
    if not plan.decode_all and "decode" in body:
        raise PlanError(f"decode is {body['decode']!r}; expected \"all\"")
    plan.pause, plan.requeue = _handles(body, "pause", known), _handles(body, "requeue", known)
    plan.victims, plan.order = _handles(body, "victims", known), _handles(body, "order", known)
    _read_run(plan, body.get("run"), known, step_tokens, k_max)
    plan.budget_tokens = _number(body, "budget_tokens", 1, step_tokens)
    plan.hold_us = _number(body, "hold_us", HOLD_US_MIN, HOLD_US_MAX)
    if plan.requeue or plan.pause:
        _check_apart(plan)
    _read_cache(plan, body.get("cache"), verbs)
    if plan.hold_us is not None and not plan.is_empty:
        raise PlanError("a hold with work")
    return plan


def _check_apart(plan: Plan) -> None:
    taken = set(plan.requeue)
    taken_or_run = taken.union(plan.run_h)
    if not taken.isdisjoint(plan.run_h) or not taken_or_run.isdisjoint(plan.pause):
        raise PlanError("one request is requeued, paused or run at once")


def _handles(body: dict[str, Any], field: str, known: Mapping[int, Any]) -> list[int]:
    handles = body.get(field)
    if handles is None:
        return []
    if not isinstance(handles, list):
        raise PlanError(f"{field} is no list")
    _check_handles(handles, field, known)
    return handles


def _check_handles(handles: list[Any], field: str, known: Mapping[int, Any]) -> None:
    try:
        unique = set(handles)
    except TypeError as error:
        raise PlanError(f"{field} names something that is no handle") from error
    if len(unique) != len(handles):
        raise PlanError(f"{field} names somebody twice")
    if not unique <= known.keys():
        raise PlanError(f"{field} names unknown handles, such as {sorted(map(str, unique - known.keys()))[0]}")


def _read_cache(plan: Plan, cache: Any, verbs: frozenset[str]) -> None:
    if cache is None:
        plan.evict, plan.pin, plan.unpin, plan.prefetch = [], [], [], []
        return
    if not isinstance(cache, dict):
        raise PlanError(f"cache is {type(cache).__name__}; expected an object")
    for field, verb in CACHE_VERBS.items():
        keys = cache.get(field, [])
        if keys and verb not in verbs:
            raise PlanError(f"cache.{field} without the verb {verb}")
        if not isinstance(keys, list) or len(keys) > KEYS_MAX or not all(map(_is_key, keys)):
            raise PlanError(f"cache.{field} is no list of at most {KEYS_MAX} keys")
        if len(set(keys)) != len(keys):
            raise PlanError(f"cache.{field} names a prefix twice")
        setattr(plan, field, keys)


def _is_key(key: Any) -> bool:
    return isinstance(key, str) and len(key) == KEY_DIGITS and set(key) <= set("0123456789abcdef")


def _number(body: dict[str, Any], field: str, least: int, most: int) -> int | None:
    value = body.get(field)
    if value is not None and (type(value) is not int or not least <= value <= most):
        raise PlanError(f"{field} is {value!r}; expected {least} to {most}")
    return value


def _read_run(plan: Plan, run: Any, known: Mapping[int, Any], step_tokens: int, k_max: int) -> None:
    if run is None:
        plan.run_h, plan.run_n, plan.run_k = [], [], None
        return
    columns = [run.get("h"), run.get("n")] if isinstance(run, dict) else [None]
    drafts = run.get("k") if isinstance(run, dict) else None
    if not all(isinstance(column, list) for column in (*columns, [] if drafts is None else drafts)):
        raise PlanError("run has no columns h and n")
    handles, tokens = columns
    if len(handles) != len(tokens) or (drafts is not None and len(drafts) != len(handles)):
        raise PlanError("run has columns of different length")
    _check_handles(handles, "run", known)
    _check_numbers(tokens, "n", 1, step_tokens)
    if sum(tokens) > step_tokens:
        raise PlanError(f"{sum(tokens)} tokens; the engine takes {step_tokens}")
    if drafts is not None:
        _check_numbers(drafts, "k", 0, min(k_max, DRAFTS_MAX))
        if any(k >= n for k, n in zip(drafts, tokens)):
            raise PlanError("more drafts than tokens")
        if not any(drafts):
            drafts = None
    plan.run_h, plan.run_n, plan.run_k = handles, tokens, drafts


def _check_numbers(column: list[Any], field: str, least: int, most: int) -> None:
    if column and (set(map(type, column)) != {int} or min(column) < least or max(column) > most):
        raise PlanError(f"run.{field} outside {least} to {most}")
