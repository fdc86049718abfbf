"""Greedy continuations of a causal language model by transformers (fp32, CPU), for `npm run parity`.

Usage: OMP_NUM_THREADS=1 python make_greedy.py MODEL_DIR OUT_DIR
Needs: torch, transformers.  MODEL_DIR is a Hugging Face folder; tests/golden/starter_greedy was made of public/models/starter.

OUT_DIR/expected_greedy.json:
  model                     MODEL_DIR; run the script at the root of the repository, so that parity finds it there
  continuations[i].prompt   the text, for the reader
  continuations[i].ids      its tokens
  continuations[i].greedy   the tokens that follow, each the one with the largest logit; the last is a stop token where one came
  continuations[i].margin   the smallest lead of a largest logit over the second: rounding that is smaller cannot change a token
"""
import argparse, json, pathlib, torch, transformers as tr

TOKENS = 64
PROMPTS = [
    "<|endoftext|>",
    "<|endoftext|>Once upon a time there was a little",
    "<|im_start|>user\nI want to book a table for two.<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\nPlease find me a bus to San Diego.<|im_end|>\n<|im_start|>assistant\nWhen do you want to leave?<|im_end|>\n<|im_start|>user\nTomorrow at ten in the morning.<|im_end|>\n<|im_start|>assistant\n",
]

@torch.no_grad()
def continuation(model, tokenizer, prompt):
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    out = model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=TOKENS, return_dict_in_generate=True, output_logits=True)
    top = torch.cat(out.logits).topk(2).values
    return dict(prompt=prompt, ids=ids, greedy=out.sequences[0, len(ids):].tolist(), margin=round((top[:, 0] - top[:, 1]).min().item(), 4))

if __name__ == "__main__":
    a = argparse.ArgumentParser(); a.add_argument("model"); a.add_argument("out"); a = a.parse_args()
    model = tr.AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32).eval()
    tokenizer = tr.AutoTokenizer.from_pretrained(a.model)
    found = [continuation(model, tokenizer, prompt) for prompt in PROMPTS]
    out = pathlib.Path(a.out); out.mkdir(parents=True, exist_ok=True)
    versions = dict(torch=torch.__version__, transformers=tr.__version__)
    lines = ",\n".join(json.dumps(c) for c in found)
    (out / "expected_greedy.json").write_text(f'{{"versions": {json.dumps(versions)}, "model": {json.dumps(a.model)}, "continuations": [\n{lines}\n]}}\n')
    for c in found: print(f"{len(c['ids']):3d} + {len(c['greedy']):2d} tokens, margin {c['margin']}: {tokenizer.decode(c['greedy'])!r}")
