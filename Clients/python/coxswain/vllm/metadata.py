"""Tenant, class and SLOs of a request: what its client put into `extra_args` (OpenAI API: `vllm_xargs`)."""

from __future__ import annotations

import time
from typing import Any

from ..adapter import Arrival, Settings

TENANT, CLASS = "coxswain_tenant", "coxswain_class"
TTFT_SLO_MS, TPOT_SLO_MS = "coxswain_ttft_slo_ms", "coxswain_tpot_slo_ms"
NAME_MAX = 128
MS_MAX = (1 << 31) - 1


def arrival_of(request: Any, settings: Settings) -> Arrival:
    """Whatever is missing or unusable falls to the defaults: a client's mistake never costs the request."""
    parameters = request.sampling_params or getattr(request, "pooling_params", None)
    given = getattr(parameters, "extra_args", None) or {}
    # Ages are sent, not times: vLLM stamps arrivals with the wall clock, steps with the monotonic one.
    arrived_s = time.monotonic() - max(0.0, time.time() - request.arrival_time)
    return Arrival(
        tenant=_name(given.get(TENANT), settings.tenant),
        request_class=_name(given.get(CLASS), settings.request_class),
        prompt=max(1, request.num_prompt_tokens), max_output=request.max_tokens or 0, arrived_s=arrived_s,
        adapter=request.lora_request.lora_name if request.lora_request else None,
        ttft_slo_ms=_milliseconds(given.get(TTFT_SLO_MS)), tpot_slo_ms=_milliseconds(given.get(TPOT_SLO_MS)))


def _name(given: Any, default: str) -> str:
    return given[:NAME_MAX] if isinstance(given, str) and given else default


def _milliseconds(given: Any) -> int:
    try:
        value = int(given)
    except (TypeError, ValueError, OverflowError):
        return 0
    return value if 0 <= value <= MS_MAX else 0
