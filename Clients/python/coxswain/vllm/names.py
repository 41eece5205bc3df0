"""Everything of vLLM's scheduler that this adapter touches and that vLLM does not promise to keep. `check` compares the
list with the installed version; a test does so, and the scheduler itself when it starts."""

from __future__ import annotations

import inspect

#: Methods that the adapter overrides or calls: class, method, parameters after self.
METHODS = (
    ("Scheduler", "schedule", ("throttle_prefills",)),
    ("Scheduler", "update_from_output", ("scheduler_output", "model_runner_output")),
    ("Scheduler", "get_grammar_bitmask", ("scheduler_output",)),
    ("Scheduler", "add_request", ("request",)),
    ("Scheduler", "shutdown", ()),
    ("Scheduler", "_free_request", ("request", "delay_free_blocks")),
    ("Scheduler", "_preempt_request", ("request", "timestamp", "drop_stale_output")),
    ("Scheduler", "_reserve_prefill_lookahead", ("request", "num_computed_tokens", "num_new_tokens")),
    ("Scheduler", "_is_blocked_waiting_status", ("status",)),
    ("RequestQueue", "add_request", ("request",)),
    ("RequestQueue", "pop_request", ()),
    ("RequestQueue", "peek_request", ()),
    ("RequestQueue", "prepend_request", ("request",)),
    ("RequestQueue", "prepend_requests", ("requests",)),
    ("RequestQueue", "remove_request", ("request",)),
    ("RequestQueue", "remove_requests", ("requests",)),
    ("BlockPool", "get_num_free_blocks", ()),
    ("KVCacheManager", "prefix_cache_lookup_enabled", ("request",)),
    ("KVCacheCoordinator", "find_longest_cache_hit", ("block_hashes", "max_cache_hit_length")),
)

#: Attributes of a scheduler object that the adapter reads or writes.
SCHEDULER_ATTRIBUTES = (
    "vllm_config", "scheduler_config", "cache_config", "parallel_config", "lora_config", "kv_cache_config",
    "kv_cache_manager", "connector", "policy", "waiting", "running", "requests", "current_step", "max_num_running_reqs",
    "max_num_scheduled_tokens", "max_model_len", "num_spec_tokens", "scheduler_reserve_full_isl", "has_mamba_layers",
    "finished_recving_kv_req_ids", "pause_state", "ec_connector", "is_encoder_decoder", "prefix_replay_tokens",
    "num_prefill_lookahead", "max_num_active_reqs", "max_num_encoder_input_tokens",
)

#: Attributes of a request object that the adapter reads or writes.
REQUEST_ATTRIBUTES = (
    "request_id", "status", "arrival_time", "sampling_params", "lora_request", "max_tokens", "num_prompt_tokens",
    "num_tokens", "num_computed_tokens", "num_output_tokens", "num_output_placeholders", "num_in_flight_tokens",
    "spec_token_ids", "next_decode_eligible_step", "resumable", "has_encoder_inputs", "structured_output_request",
    "block_hashes",
)

#: Fields of SchedulerOutput and of ModelRunnerOutput.
OUTPUT_FIELDS = ("num_scheduled_tokens", "total_num_scheduled_tokens", "scheduled_spec_decode_tokens")
RESULT_FIELDS = ("req_id_to_index", "sampled_token_ids")


def classes() -> dict[str, type]:
    from vllm.v1.core.block_pool import BlockPool
    from vllm.v1.core.kv_cache_coordinator import KVCacheCoordinator
    from vllm.v1.core.kv_cache_manager import KVCacheManager
    from vllm.v1.core.sched.output import SchedulerOutput
    from vllm.v1.core.sched.request_queue import RequestQueue
    from vllm.v1.core.sched.scheduler import Scheduler
    from vllm.v1.outputs import ModelRunnerOutput
    from vllm.v1.request import Request
    return {found.__name__: found for found in (
        BlockPool, KVCacheCoordinator, KVCacheManager, SchedulerOutput, RequestQueue, Scheduler, ModelRunnerOutput,
        Request)}


def check() -> list[str]:
    """What differs from the list, one sentence each; empty when all is as expected."""
    found, problems = classes(), []
    for owner, name, expected in METHODS:
        method = getattr(found[owner], name, None)
        if method is None:
            problems.append(f"{owner}.{name} is gone")
            continue
        parameters = tuple(p for p in inspect.signature(method).parameters if p != "self")
        if parameters[:len(expected)] != expected:
            problems.append(f"{owner}.{name} takes {parameters}; expected {expected}")
    for owner, names in (("SchedulerOutput", OUTPUT_FIELDS), ("ModelRunnerOutput", RESULT_FIELDS)):
        fields = inspect.signature(found[owner]).parameters
        problems += [f"{owner}.{name} is gone" for name in names if name not in fields]
    return problems


def check_objects(scheduler: object, request: object | None = None) -> list[str]:
    """The same for attributes, which only exist on objects."""
    problems = [f"the scheduler has no {name}" for name in SCHEDULER_ATTRIBUTES if not hasattr(scheduler, name)]
    if request is not None:
        problems += [f"requests have no {name}" for name in REQUEST_ATTRIBUTES if not hasattr(request, name)]
    return problems
