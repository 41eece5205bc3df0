"""Names of prefixes, as engines and sidecars exchange them: 16 hexadecimal digits for each unit of a prompt."""

KEY_DIGITS = 16
# Units of one prompt that have names; keys in one list of a plan.
PREFIX_KEYS_MAX = 256
KEYS_MAX = 256
# Members that an engine sends only where the answer to Register lists them.
PREFIX_FIELDS = {"prefix", "tier_tokens", "kv_cached_blocks"}
# Lists of a cache plan, and the verb that each needs.
CACHE_VERBS = {"evict": "kv_evict", "pin": "kv_pin", "unpin": "kv_pin", "prefetch": "kv_prefetch"}


def is_key_string(text, most):
    """Whether it is up to `most` keys, one behind the other."""
    return (isinstance(text, str) and len(text) % KEY_DIGITS == 0 and len(text) <= most * KEY_DIGITS
            and all(digit in "0123456789abcdef" for digit in text))


def keys_of(text):
    return [text[start:start + KEY_DIGITS] for start in range(0, len(text), KEY_DIGITS)]


def takes_prefixes(register):
    """Whether an engine that registers so names its prefixes and can do something with the names."""
    return bool(register.get("prefix_cache")) and bool(set(register["capabilities"]) & set(CACHE_VERBS.values()))
