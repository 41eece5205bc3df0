"""vLLM's real Scheduler, or ours, with a model that only counts: thousands of iterations in seconds. Each request's
outputs are known beforehand, so that a token lost or doubled shows at once."""

import os
import random
import zlib
from collections import deque

OUTPUT_VOCABULARY = 1000


def build_scheduler(scheduler_class, model, *, async_scheduling=False, drafts=0, sequences=16, step_tokens=256,
                    blocks=100, block_tokens=16, length=4096, policy="fcfs", prefix_caching=False, full_prompt=True,
                    additional_config=None):
    """A scheduler as EngineCore would build it, without workers."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from vllm.config import CacheConfig, ModelConfig, ParallelConfig, SchedulerConfig, SpeculativeConfig, VllmConfig
    from vllm.v1.core.single_type_kv_cache_manager import register_all_kvcache_specs
    from vllm.v1.kv_cache_interface import FullAttentionSpec, KVCacheConfig, KVCacheGroupSpec
    from vllm.v1.structured_output import StructuredOutputManager
    speculation = None
    if drafts:
        method = "ngram_gpu" if async_scheduling else "ngram"
        speculation = SpeculativeConfig(
            model="ngram", method=method, num_speculative_tokens=drafts, prompt_lookup_max=4, prompt_lookup_min=1)
    cache = CacheConfig(block_size=block_tokens, enable_prefix_caching=prefix_caching)
    config = VllmConfig(
        scheduler_config=SchedulerConfig(
            max_num_seqs=sequences, max_num_batched_tokens=step_tokens, max_model_len=length,
            enable_chunked_prefill=True, async_scheduling=async_scheduling, is_encoder_decoder=False, policy=policy,
            scheduler_reserve_full_isl=full_prompt),
        model_config=ModelConfig(model=model, dtype="float32", seed=0, max_model_len=length),
        cache_config=cache, parallel_config=ParallelConfig(), speculative_config=speculation,
        additional_config=additional_config or {})
    # The CPU platform turns asynchronous scheduling off; this engine has no device.
    config.scheduler_config.async_scheduling = async_scheduling
    cache.num_gpu_blocks = blocks
    register_all_kvcache_specs(config)
    spec = FullAttentionSpec(block_size=block_tokens, num_kv_heads=1, head_size=1, dtype=torch.float32)
    return scheduler_class(
        vllm_config=config, block_size=block_tokens, log_stats=False,
        kv_cache_config=KVCacheConfig(
            num_blocks=blocks, kv_cache_tensors=[], kv_cache_groups=[KVCacheGroupSpec(["layer"], spec)]),
        structured_output_manager=StructuredOutputManager(config))


_hasher = {}


def make_request(name, prompt, max_tokens, *, block_tokens=16, priority=0, seed=0, extra=None, prompt_ids=None):
    from vllm.sampling_params import SamplingParams
    from vllm.utils.hashing import sha256
    from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash
    from vllm.v1.request import Request
    if block_tokens not in _hasher:
        init_none_hash(sha256)
        _hasher[block_tokens] = get_request_block_hasher(block_tokens, sha256)
    rng = random.Random(f"{seed}/{name}")
    parameters = SamplingParams(temperature=0, max_tokens=max_tokens, ignore_eos=True, extra_args=extra)
    parameters.update_from_generation_config({}, 1 << 30)
    return Request(
        request_id=name, prompt_token_ids=prompt_ids or [rng.randrange(OUTPUT_VOCABULARY) for _ in range(prompt)],
        sampling_params=parameters, pooling_params=None, priority=priority, block_hasher=_hasher[block_tokens])


def token(name, index):
    """What the counting model answers at this place."""
    return zlib.crc32(f"{name}/{index}".encode()) % OUTPUT_VOCABULARY


class MockEngine:
    """EngineCore's loop: schedules, keeps up to `depth` iterations in flight, hands results back in order."""

    def __init__(self, scheduler, seed=0, drafts=0, acceptance=0.6, depth=None):
        self.scheduler, self.rng, self.drafts, self.acceptance = scheduler, random.Random(seed), drafts, acceptance
        self.depth = depth or scheduler.vllm_config.max_concurrent_batches
        self.is_async = bool(scheduler.scheduler_config.async_scheduling)
        self.produced, self.expected, self.outputs, self.live = {}, {}, {}, {}
        self.in_flight = deque()
        self.steps = self.scheduled_steps = self.most_in_flight = 0
        self.preemptions = 0

    def add(self, request):
        self.produced[request.request_id] = 0
        self.expected[request.request_id] = request.max_tokens
        self.outputs[request.request_id] = []
        self.live[request.request_id] = request
        self.scheduler.add_request(request)

    def abort(self, name):
        from vllm.v1.request import RequestStatus
        self.scheduler.finish_requests(name, RequestStatus.FINISHED_ABORTED)
        self.live.pop(name, None)
        self.expected.pop(name, None)

    def step(self):
        self.steps += 1
        output = self.scheduler.schedule()
        self.scheduler.get_grammar_bitmask(output)
        self.in_flight.append((output, self._launch(output)))
        self.most_in_flight = max(self.most_in_flight, len(self.in_flight))
        self.scheduled_steps += bool(output.num_scheduled_tokens)
        while len(self.in_flight) >= self.depth or (self.in_flight and not output.num_scheduled_tokens):
            self._finish()
        return output

    def _launch(self, output):
        """Who samples in this iteration, and how many drafts are verified."""
        launched = {}
        for name in output.num_scheduled_tokens:
            request = self.scheduler.requests[name]
            drafts = output.scheduled_spec_decode_tokens.get(name, ())
            launched[name] = (not request.is_prefill_chunk, list(drafts), request.num_preemptions)
        return launched

    def _finish(self):
        from vllm.v1.outputs import DraftTokenIds, ModelRunnerOutput
        output, launched = self.in_flight.popleft()
        names = list(launched)
        sampled = [self._sample(name, *launched[name]) for name in names]
        before = dict(self.live)
        result = ModelRunnerOutput(
            req_ids=names, req_id_to_index={name: i for i, name in enumerate(names)}, sampled_token_ids=sampled)
        answers = self.scheduler.update_from_output(output, result)
        for core in answers.values():
            for answer in core.outputs:
                if answer.request_id not in before:
                    continue
                self.outputs[answer.request_id] += answer.new_token_ids
                self.produced[answer.request_id] = len(self.outputs[answer.request_id])
                if answer.finish_reason is not None:
                    self.preemptions += before[answer.request_id].num_preemptions
                    self.live.pop(answer.request_id, None)
        if self.drafts and not self.is_async:
            who = [name for name in names if name in self.live and launched[name][0]]
            self.scheduler.update_draft_token_ids(DraftTokenIds(who, [self._draft(name) for name in who]))

    def _sample(self, name, samples, drafts, preemptions):
        if not samples:
            return []
        at = self.produced.get(name, 0)
        if self.is_async:
            accepted = 0
            while accepted < len(drafts) and self.rng.random() < self.acceptance:
                accepted += 1
        else:
            accepted = 0
            while accepted < len(drafts) and drafts[accepted] == token(name, at + accepted):
                accepted += 1
        return [token(name, at + i) for i in range(accepted + 1)]

    def _draft(self, name):
        """As an n-gram drafter: often nothing, sometimes less than allowed, sometimes wrong."""
        if self.rng.random() < 0.3:
            return []
        at = self.produced[name]
        return [token(name, at + i) if self.rng.random() < self.acceptance else 0
                for i in range(self.rng.randint(1, self.drafts))]

    def wrong_outputs(self):
        """Names of requests that ended with other tokens than they had to."""
        return [name for name, count in self.expected.items()
                if name not in self.live and self.outputs[name] != [token(name, i) for i in range(count)]]
