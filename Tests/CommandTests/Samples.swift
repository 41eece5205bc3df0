import WireProtocol

/// Messages of an engine with three requests: h 1 runs, h 2 waits, h 3 waits for a grammar.
enum Samples {
  static let register: JSONValue = [
    "engine": ["name": "vllm", "version": "0.33.0"], "server_id": "node7-llama", "dp_rank": 0, "dp_size": 1, "tp": 2,
    "pp": 1, "engine_boot_id": "b7c1e2", "now_us": 81_200_000,
    "model": [
      "id": "llama-3.1-8b", "parameters": 8_030_261_248, "pools": [["blocks": 27_648]],
      "kv_groups": [["pool": 0, "block_tokens": 16, "bytes_per_token": 131_072, "window_tokens": 0]],
    ],
    "in_flight_max": 2, "in_flight_repeat": "any",
    "limits": ["step_tokens": 8192, "sequences": 256, "length": 32_768, "adapters": 0, "encoder_tokens": 0],
    "drafter": ["k_max": 3, "per": "batch"], "full_prompt_must_fit": true, "kinds": ["chat", "completion"],
    "capabilities": [
      "order", "hold", "budget", "sequences", "chunk", "pause", "requeue", "victim_order", "draft_batch",
    ],
  ]

  static let step: JSONValue = [
    "now_us": 81_204_120, "kv_free_blocks": [27_213], "names": ["acme-prod", "chat", "beta-lab", "batch"],
    "arrived": [
      "h": [1, 2, 3], "id": ["chatcmpl-9f3c2a17", "chatcmpl-11d0aa93", "cmpl-70aa1e5b"], "tenant": [0, 0, 2],
      "class": [1, 1, 3], "prompt": [812, 6144, 240], "max_output": [512, 2048, 64], "age_us": [412_000, 1840, 930],
    ],
    "launched": ["seq": 0, "mode": "none"],
    "state": ["h": [1], "computed": [830], "output": [19], "running": [1]],
    "blocked": ["h": [3], "why": ["grammar"]], "untracked_tokens": ["tenant": [0], "tokens": [830]],
    "check": [1, 2, 1, 830, 19],
  ]

  /// The message of `Scheduler/Plan`.
  static let planRequest: JSONValue = ["register": register, "step": step]
}
