"""What this vLLM is: the message of Register (session rules 3 and 4)."""

from __future__ import annotations

import time
from typing import Any

from ..adapter import Settings

#: The wire's longest pipeline; a deeper one is scheduled by vLLM alone.
IN_FLIGHT_MAX = 3
DRAFTS_MAX = 35


def in_flight_max(scheduler: Any) -> int:
    return scheduler.vllm_config.max_concurrent_batches


def unsupported(scheduler: Any) -> str | None:
    """Why vLLM has to schedule by itself in this configuration; None when a plan can be followed. These were not tested
    with plans, or give vLLM orders of its own that a plan would have to know."""
    config = scheduler.vllm_config
    reasons = (
        (scheduler.policy.value != "fcfs", "--scheduling-policy is not fcfs; classes take the place of priorities"),
        (scheduler.scheduler_config.long_prefill_token_threshold > 0,
         "--long-prefill-token-threshold is set; the policy's long_prefill_tokens takes its place"),
        (scheduler.connector is not None or scheduler.ec_connector is not None, "a KV or encoder connector is in use"),
        (scheduler.has_mamba_layers, "the model has Mamba layers"),
        (scheduler.is_encoder_decoder, "the model is an encoder-decoder"),
        (config.model_config.is_diffusion, "the model is a diffusion model"),
        (scheduler.prefix_replay_tokens > 0, "the model replays prefixes"),
        (scheduler.num_prefill_lookahead > 0, "the drafter looks ahead in prompts"),
        (scheduler.parallel_config.pipeline_parallel_size > 1, "pipeline parallelism is in use"),
        (not scheduler.scheduler_config.enable_chunked_prefill, "chunked prefill is off"),
        (in_flight_max(scheduler) > IN_FLIGHT_MAX, f"more than {IN_FLIGHT_MAX} batches are in flight"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def is_async(scheduler: Any) -> bool:
    return bool(scheduler.scheduler_config.async_scheduling)


def capabilities(scheduler: Any, settings: Settings) -> list[str]:
    """The verbs that this engine follows; Docs/vllm.md has the measured shares. What vLLM cannot do is not here:
    truncate and swap (V1 recomputes), abort with a retry hint, pinning and choosing blocks to evict."""
    verbs = ["order", "hold", "budget", "sequences", "chunk", "pause", "requeue", "victim_order"]
    if scheduler.num_spec_tokens:
        verbs.append("draft_batch" if is_async(scheduler) else "draft_request")
    return [verb for verb in verbs if verb not in settings.excluded_verbs]


def register_message(scheduler: Any, settings: Settings, server_id: str, boot_id: str, version: str) -> dict[str, Any]:
    config, parallel = scheduler.vllm_config, scheduler.parallel_config
    repeat = "prefill" if in_flight_max(scheduler) > 1 and not is_async(scheduler) else "any"
    message = {
        "engine": {"name": "vllm", "version": version},
        "server_id": server_id, "engine_boot_id": boot_id,
        "dp_rank": parallel.data_parallel_index, "dp_size": max(
            parallel.data_parallel_size, parallel.data_parallel_index + 1),
        "tp": parallel.tensor_parallel_size, "pp": parallel.pipeline_parallel_size,
        "now_us": time.monotonic_ns() // 1000,
        "model": model(scheduler),
        "in_flight_max": in_flight_max(scheduler), "in_flight_repeat": repeat,
        "limits": {
            "step_tokens": scheduler.max_num_scheduled_tokens, "sequences": scheduler.max_num_active_reqs,
            "length": scheduler.max_model_len,
            "adapters": scheduler.lora_config.max_loras if scheduler.lora_config else 0,
            "encoder_tokens": scheduler.max_num_encoder_input_tokens},
        "full_prompt_must_fit": bool(scheduler.scheduler_reserve_full_isl),
        "kinds": ["embedding"] if config.model_config.runner_type == "pooling" else ["chat", "completion"],
        "capabilities": capabilities(scheduler, settings),
    }
    if scheduler.num_spec_tokens:
        message["drafter"] = {
            "k_max": min(scheduler.num_spec_tokens, DRAFTS_MAX), "per": "batch" if is_async(scheduler) else "request"}
    return message


def model(scheduler: Any) -> dict[str, Any]:
    """One pool: all of vLLM's KV groups draw their blocks from it. Its null block is nobody's."""
    groups = []
    for group in scheduler.kv_cache_config.kv_cache_groups:
        spec = group.kv_cache_spec
        groups.append({
            "pool": 0, "block_tokens": spec.block_size,
            "bytes_per_token": spec.page_size_bytes * len(group.layer_names) // spec.block_size,
            "window_tokens": getattr(spec, "sliding_window", None) or 0})
    return {
        "id": str(scheduler.vllm_config.model_config.model)[-256:],
        "pools": [{"blocks": max(1, scheduler.kv_cache_config.num_blocks - 1)}], "kv_groups": groups}
