"""A tiny random Llama with a word tokenizer, made locally: nothing is downloaded."""

import os
import sys

VOCABULARY = 1024


def make(folder: str, seed: int = 7) -> str:
    """Writes model and tokenizer to `folder`, unless they are there."""
    if os.path.exists(os.path.join(folder, "tokenizer_config.json")):
        return folder
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    torch.manual_seed(seed)
    # Wide initial weights: with narrow ones the greedy output of a random model is one token for ever.
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=8192, initializer_range=0.2, bos_token_id=1, eos_token_id=2,
        pad_token_id=0, tie_word_embeddings=False)
    LlamaForCausalLM(config).save_pretrained(folder)
    words = {"<unk>": 0, "<s>": 1, "</s>": 2, **{f"w{i}": i for i in range(3, VOCABULARY)}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<unk>")
    fast.chat_template = "{% for m in messages %}{{ m['content'] }} {% endfor %}"
    fast.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    print(make(sys.argv[1]))
