"""What a random engine of the model is like."""

from .blocks import Group

VERBS = (
    "order", "hold", "budget", "sequences", "chunk", "pause", "truncate", "requeue", "swap_cpu", "swap_ssd",
    "victim_order", "draft_request", "draft_batch", "abort", "kv_pin", "kv_evict", "kv_prefetch", "migrate",
    "in_flight_preempt",
)
# One pool with one group; one pool that two groups share; two pools with a group each.
SHAPES = ("single", "shared", "split")


class EngineConfig:
    """Drawn anew at every (re)start of an engine process."""

    def __init__(self, rng, big=False):
        self.is_big = big
        self.shape = rng.choice(SHAPES)
        self.pools, self.groups = self._memory(rng)
        self.in_flight_max = rng.choice((1, 1, 2, 2, 3))
        self.in_flight_repeat = rng.choice(("none", "prefill", "any", "any"))
        everything = rng.random() < 0.4
        # Without these two an engine cannot be drained under every plan; they are nearly always there.
        self.capabilities = [v for v in VERBS if everything or rng.random() < (0.9 if v in ("pause", "hold") else 0.6)]
        self.chunks = "chunk" in self.capabilities
        self.in_flight_preempt = "in_flight_preempt" in self.capabilities
        self.step_tokens = rng.randint(16, 64) if self.chunks else 64
        self.sequences = rng.randint(3, 8)
        # How many requests its users keep in it.
        self.requests_max = 14
        self.adapters_max = rng.choice((0, 1, 2))
        self.k_max = rng.randint(1, 3)
        self.drafter_per = "request" if "draft_request" in self.capabilities else "batch"
        self.has_drafter = "draft_request" in self.capabilities or "draft_batch" in self.capabilities
        self.full_prompt_must_fit = rng.random() < 0.3
        # An n-gram drafter may find fewer drafts than planned.
        self.may_draft_less = rng.random() < 0.5
        # Whether the token sampled by work launched before a preemption is kept (rule 8, late results).
        self.keeps_late_token = rng.random() < 0.5
        # Tokens of one named prefix unit; 0: the engine does not name its prefixes.
        self.prefix_unit_tokens = 0
        if rng.random() < 0.7:
            self.prefix_unit_tokens = max(group.block_tokens for group in self.groups)
        self.tier_blocks = rng.choice((0, 16))
        self.handle_count = 8 if rng.random() < 0.7 else 64
        # Trees of drafts that it verifies; k_max then counts levels.
        self.tree = {"width_max": rng.randint(2, 4), "nodes_max": rng.randint(2, 9)} if rng.random() < 0.5 else None
        if big:
            self._grow()

    def _grow(self):
        """A batch of a few hundred, so that columns are long and `decode:"all"` pays."""
        self.pools = [30 * blocks for blocks in self.pools]
        self.step_tokens *= 30
        self.sequences, self.requests_max, self.handle_count = 128, 450, 1024

    def _memory(self, rng):
        full, window = Group(0, 4), Group(0, 8, 8)
        if self.shape == "single":
            return [rng.randint(18, 44)], [full]
        if self.shape == "shared":
            return [rng.randint(22, 52)], [full, window]
        window.pool = 1
        return [rng.randint(18, 44), rng.randint(10, 30)], [full, window]

    def describe(self):
        """The engine's part of the Register message."""
        message = {
            "engine": {"name": "plain-model", "version": "1"}, "tp": 1, "pp": 1,
            "model": {
                "id": "model-of-" + self.shape, "parameters": 1000000,
                "pools": [{"blocks": count} for count in self.pools],
                "kv_groups": [
                    {"pool": g.pool, "block_tokens": g.block_tokens, "bytes_per_token": 1024,
                     "window_tokens": g.window_tokens} for g in self.groups],
            },
            "in_flight_max": self.in_flight_max, "in_flight_repeat": self.in_flight_repeat,
            "limits": {
                "step_tokens": self.step_tokens, "sequences": self.sequences, "length": 256,
                "adapters": self.adapters_max, "encoder_tokens": 0},
            "full_prompt_must_fit": self.full_prompt_must_fit, "kinds": ["chat", "completion"],
            "capabilities": self.capabilities,
        }
        if self.prefix_unit_tokens:
            message["prefix_cache"] = {"block_tokens": self.prefix_unit_tokens, "tier_blocks": self.tier_blocks}
        if self.has_drafter:
            message["drafter"] = {"k_max": self.k_max, "per": self.drafter_per}
            if self.tree:
                message["drafter"]["tree"] = self.tree
        return message
