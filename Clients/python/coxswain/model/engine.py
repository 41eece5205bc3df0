"""The engine of the model: the truth about requests, tokens, blocks and launched work. It knows nothing of sessions."""

from collections import deque

from .blocks import PREFIX_BLOCKS, BlockPools
from .plan import depth

TENANTS = ("tenant-a", "tenant-b", "tenant-c")
CLASSES = ("interactive", "standard", "batch")
ADAPTERS = ("lora-a", "lora-b", "lora-c")
CACHE_BLOCKS_MAX = 5
OWN_BATCH_MAX = 4


class Request:
    __slots__ = (
        "id", "tenant", "kind", "adapter", "prompt", "max_output", "stop_after", "prefix", "arrived_us",
        "computed", "output", "promised", "running", "blocked", "swapped", "life", "finished", "kv_tokens",
        "launches", "owed", "handle", "block_news", "shared_blocks", "cached_hint",
        "prefix_keys",
    )

    def __init__(self, name, rng, now_us, adapters):
        self.id, self.arrived_us = name, now_us
        self.tenant, self.kind = rng.choice(TENANTS), rng.choice(CLASSES)
        self.adapter = rng.choice(ADAPTERS) if adapters and rng.random() < 0.6 else None
        self.prompt, self.max_output, self.stop_after = rng.randint(1, 40), rng.randint(1, 12), rng.randint(1, 16)
        self.prefix = rng.randrange(3)
        self.computed = self.output = self.promised = self.life = self.kv_tokens = self.launches = self.owed = 0
        self.running = self.blocked = self.swapped = self.finished = self.block_news = False
        self.handle = None
        self.shared_blocks = [0, 0]
        # Prefix tokens that the engine told the sidecar to expect; a hint, often wrong.
        self.cached_hint = 0
        # Names of its prefix units, as the sidecar was told them.
        self.prefix_keys = []

    @property
    def known(self):
        """Tokens whose values are known or promised by launched work."""
        return self.prompt + self.output + self.promised


class Item:
    """One request's work in one launch. `depth`: most drafts that can be right. `exact`: the mirror learns it from the
    plan alone. `tracked`: the mirror knew the request then, so that it knows of this work."""

    __slots__ = ("request", "tokens", "drafts", "depth", "samples", "life", "exact", "tracked")

    def __init__(self, request, tokens, drafts, levels, samples):
        self.request, self.tokens, self.drafts, self.samples = request, tokens, drafts, samples
        self.depth = depth(levels, drafts)
        self.life, self.exact, self.tracked = request.life, False, request.handle is not None


class Launch:
    """An iteration on the accelerator. `epoch` and `seq` name the plan it belongs to, or are None."""

    __slots__ = ("epoch", "seq", "items", "draft_items", "launched_us")

    def __init__(self, epoch, seq, items, launched_us):
        self.epoch, self.seq, self.items, self.launched_us = epoch, seq, items, launched_us
        # Positions of `drafted` and `accepted`: one per item planned with drafts, None for exceptions.
        self.draft_items = []


class Engine:
    def __init__(self, config, rng, name):
        self.config, self.rng, self.name = config, rng, name
        self.pools = BlockPools(config.pools, config.groups)
        self.requests, self.running, self.waiting = {}, [], []
        self.in_flight = deque()
        # Far from 0: the reported clock may step back often.
        self.now_us = 10 ** 13 + rng.randrange(10 ** 9)
        self.last_result_us = 0
        self.computed_tokens = dict.fromkeys(TENANTS, 0)
        # Requests whose state is no longer what a mirror can work out from plans and settlements (rule 8).
        self.diverged = set()
        # (request, why) that ended since the adapter looked last.
        self.ended = []
        self._cache = set()
        self._serial = 0

    # --- users

    def arrive(self):
        self._serial += 1
        request = Request(f"{self.name}-{self._serial}", self.rng, self.now_us, self.config.adapters_max)
        self.requests[request.id] = request
        self.waiting.append(request)
        return request

    def set_blocked(self, request, blocked):
        if request.blocked != blocked:
            request.blocked = blocked
            request.block_news = True

    def finish(self, request, why):
        if request.finished:
            return
        request.finished = True
        del self.requests[request.id]
        (self.running if request.running else self.waiting).remove(request)
        request.running = False
        self.pools.hold(request, 0)
        self.diverged.discard(request)
        self.ended.append((request, why))

    # --- preemption

    def requeue(self, request):
        """Drops all of its KV and what was promised on top of it."""
        self._forget_launches(request)
        request.computed = 0
        request.swapped = False
        self.pools.hold(request, 0)
        if request.running:
            request.running = False
            self.running.remove(request)
            self.waiting.insert(0, request)

    def truncate(self, request, keep_tokens):
        self._forget_launches(request)
        request.computed = min(keep_tokens, request.computed)
        self.pools.hold(request, request.computed)

    def swap_out(self, request):
        self._forget_launches(request)
        request.running, request.swapped = False, True
        self.running.remove(request)
        self.waiting.append(request)
        self.pools.hold(request, 0)

    @staticmethod
    def _forget_launches(request):
        """What launched work promised is void; the last known token has to be computed again to make the next one."""
        request.life += 1
        request.promised = 0
        if request.computed >= request.known:
            request.computed = request.known - 1

    # --- work

    def may_repeat(self, request):
        """Whether `in_flight_repeat` lets the request join another launch now."""
        if not request.launches or self.config.in_flight_repeat == "any":
            return True
        return self.config.in_flight_repeat == "prefill" and not request.promised

    def work(self, request, tokens, drafts, batch, victims, levels=None):
        """Launches up to `tokens` plus `drafts` of one request. `levels`: candidates of each level of the drafts; None:
        a chain. Returns (item or None, why); why "" = as asked."""
        if request.blocked:
            return None, "grammar"
        known = request.known
        if request.computed >= known or request.output + request.promised >= request.max_output:
            return None, "partial"
        if not request.running and len(self.running) >= self.config.sequences:
            return None, "partial"
        base = request.computed
        if not request.running and base == 0:
            base = self._prefix_hit(request)
        plain = min(tokens, known - base)
        if base + plain < known:
            drafts = 0
        drafts = min(drafts, request.max_output - request.output - request.promised - 1)
        if not self._allocate(request, base + plain + drafts, batch, victims):
            return None, "kv"
        why = "cached" if base != request.computed else "partial" if plain != tokens else ""
        return self._launch(request, base, plain, drafts, levels), why

    def _prefix_hit(self, request):
        """Tokens whose blocks the cache holds. The last known token is always computed: it makes the next one."""
        size = self.config.groups[0].block_tokens
        most = min(request.prompt, request.known - 1) // size
        hit = 0
        while hit < min(PREFIX_BLOCKS, most) and (request.prefix, hit) in self._cache:
            hit += 1
        return hit * size

    def _allocate(self, request, tokens, batch, victims):
        before = request.kv_tokens
        self.pools.hold(request, tokens)
        while self.pools.overdrawn():
            victim = None
            for candidate in victims:
                if candidate.running and candidate is not request and candidate not in batch:
                    victim = candidate
                    break
            if victim is None or self.rng.random() < 0.1:
                self.pools.hold(request, before)
                return False
            self.requeue(victim)
            self.diverged.add(victim)
        return True

    def _launch(self, request, base, plain, drafts, levels):
        tokens = plain + drafts
        request.computed = base + tokens
        samples = base + plain == request.known
        if samples:
            request.promised += 1 + drafts
        request.swapped = False
        if not request.running:
            request.running = True
            self.waiting.remove(request)
            self.running.append(request)
        size = self.config.groups[0].block_tokens
        for block in range(min(PREFIX_BLOCKS, min(request.prompt, request.computed) // size)):
            self._cache.add((request.prefix, block))
        if len(self._cache) > CACHE_BLOCKS_MAX:
            self._cache.discard(self.rng.choice(sorted(self._cache)))
        self.computed_tokens[request.tenant] += tokens
        request.owed += tokens
        request.launches += 1
        return Item(request, tokens, drafts, levels, samples)

    def own_batch(self):
        """The engine's own scheduler: running first, then waiting, random chunks and drafts."""
        rng, config = self.rng, self.config
        items, batch = [], []
        for request in self.running + self.waiting:
            if len(batch) >= (OWN_BATCH_MAX if not config.is_big else config.sequences):
                break
            left = request.known - request.computed
            if left <= 0 or request.blocked or request.finished or not self.may_repeat(request):
                continue
            tokens, drafts = min(left, rng.choice((2, 8, 40))), 0
            if tokens == left and config.has_drafter and rng.random() < 0.4:
                drafts = min(rng.randint(0, config.k_max), request.max_output - request.output - request.promised - 1)
            item, _ = self.work(request, tokens, max(0, drafts), batch, self.running[::-1])
            if item:
                self.diverged.add(request)
                items.append(item)
                batch.append(request)
        return items

    def launch(self, epoch, seq, items):
        launch = Launch(epoch, seq, items, self.now_us)
        self.in_flight.append(launch)
        return launch

    # --- results

    def settle_oldest(self, epoch):
        """The result of the oldest launch. Returns (launch, elapsed_us, accepted per draft item)."""
        launch = self.in_flight.popleft()
        elapsed_us = self.now_us - max(launch.launched_us, self.last_result_us)
        self.last_result_us = self.now_us
        accepted = {}
        for item in launch.items:
            accepted[item] = self.rng.randint(0, item.depth) if item.drafts else 0
            item.request.launches -= 1
            if not item.request.finished:
                self._result(item, accepted[item], known_to_mirror=item.exact and launch.epoch == epoch)
        digits = [accepted[item] if item else 0 for item in launch.draft_items]
        return launch, elapsed_us, digits

    def _result(self, item, accepted, known_to_mirror):
        request = item.request
        if item.life != request.life:
            # The mirror takes rejected drafts off a cache that is gone: only absolute state repairs that.
            if item.drafts:
                self.diverged.add(request)
            if item.samples and self.config.keeps_late_token and not request.promised and not request.computed:
                request.output += 1
                self.diverged.add(request)
                self._end_if_done(request)
            return
        if not item.samples:
            return
        rejected = item.drafts - accepted
        request.promised -= 1 + item.drafts
        request.output += 1 + accepted
        request.computed -= rejected
        if rejected and request.kv_tokens:
            self.pools.hold(request, request.kv_tokens - rejected)
        if item.drafts and not known_to_mirror:
            self.diverged.add(request)
        self._end_if_done(request)

    def _end_if_done(self, request):
        if request.output >= min(request.stop_after, request.max_output):
            self.finish(request, "stop" if request.output >= request.stop_after else "length")
