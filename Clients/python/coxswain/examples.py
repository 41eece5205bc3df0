"""Messages to start with."""

PLAN_METHOD = "coxswain.v1.Scheduler/Plan"


def register(server_id="my-server"):
    """What a small engine says about itself: 1,000 blocks of 16 tokens, 512 tokens per iteration."""
    return {
        "engine": {"name": "by-hand", "version": "1"},
        "server_id": server_id, "dp_rank": 0, "dp_size": 1, "tp": 1, "pp": 1,
        "engine_boot_id": "first-boot", "now_us": 0,
        "model": {
            "id": "tiny", "parameters": 1000000, "pools": [{"blocks": 1000}],
            "kv_groups": [{"pool": 0, "block_tokens": 16, "bytes_per_token": 1024, "window_tokens": 0}],
        },
        "in_flight_max": 1, "in_flight_repeat": "any",
        "limits": {"step_tokens": 512, "sequences": 8, "length": 4096, "adapters": 0, "encoder_tokens": 0},
        "full_prompt_must_fit": False, "kinds": ["chat", "completion"],
        "capabilities": ["order", "hold", "chunk", "pause", "requeue", "victim_order"],
    }


def plan():
    """A whole queue for the stateless Plan call: one request decodes, two wait."""
    return {
        "register": register(),
        "step": {
            "now_us": 1000000, "kv_free_blocks": [945], "names": ["acme", "interactive", "batch"],
            "arrived": {
                "h": [1, 2, 3], "id": ["chat-1", "chat-2", "job-1"], "tenant": [0, 0, 0], "class": [1, 1, 2],
                "prompt": [812, 200, 3000], "max_output": [128, 64, 256], "age_us": [412000, 1840, 930],
            },
            "state": {"h": [1], "computed": [830], "output": [19], "running": [1]},
        },
    }
