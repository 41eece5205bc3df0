"""A planner on the independent mirror, for the reference sidecar: random plans that use every declared verb, or calm
ones, first come first served."""

from .prefixes import CACHE_VERBS, takes_prefixes

CALM_AFTER_STEPS = 48


class Planner:
    def __init__(self, register, rng, calm):
        self._always_calm = calm
        self.rng, self.verbs = rng, set(register["capabilities"])
        self.limits, self.repeat = register["limits"], register["in_flight_repeat"]
        self.k_max = register.get("drafter", {}).get("k_max", 0)
        self.tree = register.get("drafter", {}).get("tree") if "draft_request" in self.verbs else None
        if not self.verbs & {"draft_request", "draft_batch"}:
            self.k_max = 0
        self._calm = 0
        self._names_prefixes = takes_prefixes(register)

    def plan(self, mirror, arrivals):
        """The plan as it goes over the wire."""
        self._calm = 0 if arrivals else self._calm + 1
        calm = self._always_calm or self._calm > CALM_AFTER_STEPS
        body, named = {}, set()
        if not calm:
            self._preempt(mirror, body, named)
        run, levels = self._run(mirror, calm, named), {}
        if self.tree:
            run = self._grow_trees(mirror, run, levels)
        if "draft_request" not in self.verbs and any(k for _, _, k in run):
            body["draft_batch"] = max(k for _, _, k in run)
        self._compress(mirror, run, body, named)
        if any(h in levels for h in body.get("run", {}).get("h", ())):
            body["run"]["levels"] = ["".join(map(str, levels.get(h, ()))) for h in body["run"]["h"]]
        if not run and not named and "hold" in self.verbs:
            body["hold_us"] = 2000
        if not calm and "victim_order" in self.verbs and self.rng.random() < 0.7:
            running = [e.h for e in mirror.entries.values() if e.running]
            self.rng.shuffle(running)
            body["victims"] = running
        if not calm and self._names_prefixes:
            self._cache(mirror, body)
        return body

    def _cache(self, mirror, body):
        """Any keys that nobody uses go, any that somebody uses come. Pins are left out: whether the engine carried
        the last plan out decides which there are, and this planner keeps no such book."""
        held = {key for entry in mirror.entries.values() for key in entry.prefix_keys}
        lists = {"evict": sorted(mirror.told_keys - held), "prefetch": sorted(held)}
        chosen = {name: [key for key in keys if self.rng.random() < 0.3] for name, keys in lists.items()
                  if CACHE_VERBS[name] in self.verbs}
        chosen = {name: keys for name, keys in chosen.items() if keys}
        if chosen:
            body["cache"] = {"watermark_blocks": [0] * mirror.pool_count, **chosen}

    def _preempt(self, mirror, body, named):
        for entry in mirror.entries.values():
            if not entry.running or entry.blocked or self.rng.random() > 0.12:
                continue
            verb = self.rng.choice(("truncate", "requeue", "swap_cpu", "swap_ssd", "abort"))
            if verb not in self.verbs:
                continue
            if verb != "abort" and entry.unsettled and "in_flight_preempt" not in self.verbs:
                continue
            if verb == "truncate":
                if entry.computed < 2:
                    continue
                group = body.setdefault("truncate", {"h": [], "keep_tokens": []})
                group["h"].append(entry.h)
                group["keep_tokens"].append(self.rng.randrange(1, entry.computed))
            elif verb == "abort":
                group = body.setdefault("abort", {"h": [], "retry_after_ms": []})
                group["h"].append(entry.h)
                group["retry_after_ms"].append(1000)
            else:
                body.setdefault(verb, []).append(entry.h)
            named.add(entry.h)

    def _may_run(self, entry):
        if entry.blocked or entry.remaining <= 0 or entry.output >= entry.max_output:
            return False
        if not entry.unsettled or self.repeat == "any":
            return True
        return self.repeat == "prefill" and entry.remaining > 1

    def _run(self, mirror, calm, named):
        rng, run, adapters = self.rng, [], set()
        budget = self.limits["step_tokens"]
        room = self.limits["sequences"] - sum(e.running for e in mirror.entries.values())
        entries = sorted(mirror.entries.values(), key=lambda e: (not e.running, e.arrived_us, e.h))
        for entry in entries:
            if entry.h in named or not self._may_run(entry) or (not calm and rng.random() < 0.3):
                continue
            if not entry.running and room <= 0:
                continue
            if entry.adapter is not None and len(adapters | {entry.adapter}) > self.limits["adapters"]:
                continue
            n = entry.remaining
            if "chunk" in self.verbs:
                n = min(n, budget) if calm else min(n, budget, rng.choice((1, 4, 16, 64)))
            if n <= 0 or n > budget:
                continue
            k = 0
            if n == entry.remaining and entry.running and not calm and rng.random() < 0.5:
                k = max(0, min(rng.randint(0, self.k_max), entry.max_output - entry.output - 1, budget - n))
            run.append((entry.h, n + k, k))
            budget -= n + k
            room -= not entry.running
            if entry.adapter is not None:
                adapters.add(entry.adapter)
        return run

    def _grow_trees(self, mirror, run, levels):
        """Some chains become trees of as many levels, within the engine's limits and the budget."""
        left, grown = self.limits["step_tokens"] - sum(n for _, n, _ in run), []
        for h, n, k in run:
            entry = mirror.entries[h]
            if k and self.rng.random() < 0.6:
                most = min(self.tree["nodes_max"], entry.max_output - entry.output - 1, k + left)
                widths = [1] * k
                while sum(widths) < most and self.rng.random() < 0.8:
                    level = self.rng.randrange(k)
                    if widths[level] < self.tree["width_max"]:
                        widths[level] += 1
                if sum(widths) > k:
                    levels[h] = widths
                    left -= sum(widths) - k
                    n, k = n - k + sum(widths), sum(widths)
            grown.append((h, n, k))
        return grown

    def _compress(self, mirror, run, body, named):
        """Says `decode:"all"` where it fits, with the others paused by name."""
        ones = {h for h, n, k in run if n == 1 and not k and mirror.entries[h].running}
        all_said = "pause" in self.verbs and (self._always_calm or self.rng.random() < 0.6)
        if ones and all_said:
            body["decode"] = "all"
            rest = [item for item in run if item[0] not in ones]
            out = ones | {h for h, _, _ in rest}
            gone = set(body.get("requeue", [])) | set(body.get("swap_cpu", [])) | set(body.get("swap_ssd", []))
            gone |= set(body.get("abort", {}).get("h", []))
            pause = [e.h for e in mirror.entries.values()
                     if e.running and not e.blocked and e.h not in out and e.h not in gone]
            if pause:
                body["pause"] = pause
            run = rest
        if run:
            body["run"] = {"h": [h for h, _, _ in run], "n": [n for _, n, _ in run]}
            if any(k for _, _, k in run):
                body["run"]["k"] = [k for _, _, k in run]
