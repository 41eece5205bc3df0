"""KV block pools of the model: counts only, blocks of a shared prefix counted once."""

# Leading blocks of a prompt that requests of one prefix group have in common.
PREFIX_BLOCKS = 3


class Group:
    """Layers that share one KV layout. `window_tokens` 0 means full attention."""

    __slots__ = ("pool", "block_tokens", "window_tokens")

    def __init__(self, pool, block_tokens, window_tokens=0):
        self.pool, self.block_tokens, self.window_tokens = pool, block_tokens, window_tokens

    def blocks(self, tokens):
        count = -(-tokens // self.block_tokens)
        if self.window_tokens:
            return min(count, -(-self.window_tokens // self.block_tokens) + 1)
        return count


class BlockPools:
    def __init__(self, totals, groups):
        self.totals, self.groups = list(totals), groups
        self.used = [0] * len(totals)
        self._shared = {}

    def free(self):
        return [total - used for total, used in zip(self.totals, self.used)]

    def overdrawn(self):
        for total, used in zip(self.totals, self.used):
            if used > total:
                return True
        return False

    def hold(self, request, tokens):
        """The request now keeps the KV of its first `tokens` tokens on the GPU."""
        before = request.kv_tokens
        if tokens == before:
            return
        request.kv_tokens = tokens
        for index, group in enumerate(self.groups):
            change = group.blocks(tokens) - group.blocks(before)
            if not group.window_tokens:
                had = request.shared_blocks[index]
                has = self._shared_after(request, group.block_tokens, tokens, had)
                change += had - has + self._share(index, request.prefix, had, has)
                request.shared_blocks[index] = has
            self.used[group.pool] += change

    @staticmethod
    def _shared_after(request, size, tokens, had):
        """Full blocks of the common prefix; a shared block that is truncated stays shared."""
        if -(-tokens // size) < had:
            return -(-tokens // size)
        return max(had, min(PREFIX_BLOCKS, request.prompt // size, tokens // size))

    def _share(self, index, prefix, had, has):
        """Counts references to shared blocks. Returns the blocks that this takes or gives back."""
        shared, change = self._shared, 0
        for block in range(had, has):
            key = (index, prefix, block)
            count = shared.get(key, 0)
            shared[key] = count + 1
            change += count == 0
        for block in range(has, had):
            key = (index, prefix, block)
            shared[key] -= 1
            change -= shared[key] == 0
        return change
