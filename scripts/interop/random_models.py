"""Makes random small models of every family with transformers, and their logits, to compare with the page's (random-models.ts).

Usage: OMP_NUM_THREADS=1 python random_models.py OUT_DIR [--seed N] [--only FAMILY ...]
Needs: torch, transformers, safetensors. No network.

The settings of each family are drawn by the seed: sizes, key/value heads, windows, caps, tied heads, scaled RoPE. Language models give
the logits of every token; encoders have a classifier with two to five outputs. Each model is a folder:
  config.json, model.safetensors    as save_pretrained writes them
  expected.json                     ids and mask of two rows, the second one padded, and the logits: of each token that is not padding,
                                    or of each row (classifiers)
"""
import argparse
import json
import pathlib
import random

import torch
import transformers as tr

VOCABULARY, TOKENS = 96, 40


def decoder(rng: random.Random, even: int = 2) -> dict:
    kv = rng.choice([1, 2, 3])
    heads = kv * rng.choice([1, 2, 3])
    head_dim = even * rng.randint(2, 8)
    return dict(
        hidden_size=heads * head_dim, intermediate_size=rng.randint(10, 70), num_hidden_layers=rng.randint(1, 4),
        num_attention_heads=heads, num_key_value_heads=kv, max_position_embeddings=128, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        tie_word_embeddings=rng.random() < 0.5,
    )


def encoder(rng: random.Random) -> dict:
    heads = rng.randint(1, 5)
    return dict(
        hidden_size=heads * 2 * rng.randint(2, 9), intermediate_size=rng.randint(10, 70), num_hidden_layers=rng.randint(1, 4),
        num_attention_heads=heads, max_position_embeddings=64, num_labels=rng.randint(2, 5), pad_token_id=0,
    )


def rope(rng: random.Random) -> dict:
    theta = rng.choice([1e4, 5e5])
    kinds = [
        dict(rope_type="default"),
        dict(rope_type="linear", factor=rng.choice([2.0, 4.0])),
        dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32),
    ]
    return dict(rope_parameters=dict(rope_theta=theta, **rng.choice(kinds)))


def window(rng: random.Random) -> int:
    return rng.randint(2, 20)


def llama(rng):
    return tr.LlamaForCausalLM, tr.LlamaConfig(**decoder(rng), **rope(rng), attention_bias=rng.random() < 0.3, mlp_bias=rng.random() < 0.3)


def qwen2(rng):
    sliding = rng.random() < 0.5
    return tr.Qwen2ForCausalLM, tr.Qwen2Config(**decoder(rng), **rope(rng), use_sliding_window=sliding, sliding_window=window(rng), max_window_layers=1)


def qwen3(rng):
    return tr.Qwen3ForCausalLM, tr.Qwen3Config(**decoder(rng), head_dim=2 * rng.randint(2, 12), attention_bias=rng.random() < 0.3)


def mistral(rng):
    return tr.MistralForCausalLM, tr.MistralConfig(**decoder(rng), sliding_window=rng.choice([None, window(rng)]))


def phi3(rng):
    return tr.Phi3ForCausalLM, tr.Phi3Config(**decoder(rng), sliding_window=rng.choice([None, window(rng)]))


def gpt2(rng):
    heads = rng.randint(1, 5)
    config = tr.GPT2Config(
        n_embd=heads * rng.randint(3, 12), n_layer=rng.randint(1, 4), n_head=heads, n_positions=64, n_inner=rng.choice([None, 50]),
        scale_attn_by_inverse_layer_idx=rng.random() < 0.3, activation_function=rng.choice(["gelu_new", "gelu"]),
    )
    return tr.GPT2LMHeadModel, config


def gemma(rng):
    return dict(**decoder(rng), head_dim=2 * rng.randint(2, 12), query_pre_attn_scalar=rng.randint(4, 40), sliding_window=window(rng),
                attn_implementation="eager", initializer_range=0.2)  # sdpa leaves the soft cap out


def gemma2(rng):
    caps = dict(attn_logit_softcapping=rng.choice([None, 2.0, 50.0]), final_logit_softcapping=rng.choice([None, 3.0, 30.0]))
    return tr.Gemma2ForCausalLM, tr.Gemma2Config(**gemma(rng), **caps)


def gemma3_text(rng):
    return tr.Gemma3ForCausalLM, tr.Gemma3TextConfig(**gemma(rng), sliding_window_pattern=rng.choice([2, 3, 6]))


def bert(rng):
    return tr.BertForSequenceClassification, tr.BertConfig(**encoder(rng), hidden_act=rng.choice(["gelu", "gelu_new", "relu"]))


def roberta(rng):
    return tr.RobertaForSequenceClassification, tr.RobertaConfig(**(encoder(rng) | dict(pad_token_id=1, type_vocab_size=1)))


def distilbert(rng):
    e = encoder(rng)
    config = tr.DistilBertConfig(
        dim=e["hidden_size"], hidden_dim=e["intermediate_size"], n_layers=e["num_hidden_layers"], n_heads=e["num_attention_heads"],
        max_position_embeddings=64, num_labels=e["num_labels"], pad_token_id=0,
    )
    return tr.DistilBertForSequenceClassification, config


def modernbert(rng):
    config = tr.ModernBertConfig(
        **encoder(rng), local_attention=2 * rng.randint(1, 12), global_attn_every_n_layers=rng.randint(2, 3),
        classifier_pooling=rng.choice(["cls", "mean"]), norm_bias=rng.random() < 0.3, attention_bias=rng.random() < 0.3,
        mlp_bias=rng.random() < 0.3, classifier_bias=rng.random() < 0.3,
        bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2,
    )
    return tr.ModernBertForSequenceClassification, config


FAMILIES = [llama, qwen2, qwen3, mistral, phi3, gpt2, gemma2, gemma3_text, bert, roberta, distilbert, modernbert]


@torch.no_grad()
def make(family, out: pathlib.Path, seed: int) -> None:
    rng = random.Random(f"{family.__name__} {seed}")
    torch.manual_seed(rng.randrange(2**31))
    build, config = family(rng)
    config.vocab_size = VOCABULARY
    model = build(config).float().eval()
    for p in model.parameters():  # off the zeros and ones, so that every term counts
        p.add_(torch.randn_like(p) * 0.1)
    model.save_pretrained(out)
    lengths = [TOKENS, rng.randint(TOKENS // 4, TOKENS - 1)]
    ids = torch.randint(4, VOCABULARY, (2, TOKENS))
    mask = torch.tensor([[1] * n + [0] * (TOKENS - n) for n in lengths])
    pad = config.pad_token_id or 0
    ids = torch.where(mask.bool(), ids, torch.full_like(ids, pad))
    logits = model(input_ids=ids, attention_mask=mask).logits
    rows = logits[mask.bool()] if logits.dim() == 3 else logits
    expected = dict(family=family.__name__, ids=ids.tolist(), mask=mask.tolist(), logits=rows.tolist())
    (out / "expected.json").write_text(json.dumps(expected))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[])
    args = parser.parse_args()
    for family in FAMILIES:
        if not args.only or family.__name__ in args.only:
            make(family, args.out / f"{family.__name__}-{args.seed}", args.seed)


if __name__ == "__main__":
    main()
