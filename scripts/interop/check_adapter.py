"""Loads an exported adapter with the real PEFT and prints its results, to compare with the page's.

Usage: python check_adapter.py BASE_MODEL_DIR ADAPTER_DIR [--ids 1,2,3] [--ids-file FILE] [--greedy N] [--threads N]
Needs: torch, transformers, peft, safetensors. No network: both are folders on disk.

Prints one JSON object:
  consumed      tensors of the adapter file, all of which must have found their place
  missing       places for adapter tensors that the file did not fill
  unexpected    tensors of the file that found no place
  mismatched    tensors whose values in the loaded model are not the file's
  trainable     parameters of the adapter
  prompts       for each prompt: ids, logits of the last position (base and tuned, f32), greedy continuation (base and tuned)
  maxChange     the largest |tuned - base| over all logits: 0 for a fresh adapter

FILE of --ids-file holds one list of ids or a list of lists as JSON, or event lines of the demo command, whose sample
events give promptIds. Exit code 1 when a tensor was missing, unexpected or mismatched.
"""

import argparse
import json
import pathlib
import sys
import warnings

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def prompts_of(args) -> list[list[int]]:
    if args.ids:
        return [[int(i) for i in args.ids.split(",")]]
    if not args.ids_file:
        return [[1, 2, 3, 4, 5]]
    text = pathlib.Path(args.ids_file).read_text()
    try:
        data = json.loads(text)
    except json.JSONDecodeError:
        events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        data = [event["promptIds"] for event in events if event.get("event") == "sample"]
    return data if data and isinstance(data[0], list) else [data]


def check_tensors(model, path: pathlib.Path) -> dict:
    """Compares the file with what the model holds after loading. PEFT only warns about names that it does not know."""
    file = load_file(path / "adapter_model.safetensors")
    held = get_peft_model_state_dict(model)
    both = file.keys() & held.keys()
    return {
        "consumed": len(both),
        "missing": sorted(held.keys() - file.keys()),
        "unexpected": sorted(file.keys() - held.keys()),
        "mismatched": sorted(name for name in both if not torch.equal(held[name].float(), file[name].float())),
        "trainable": sum(tensor.numel() for tensor in file.values()),
    }


@torch.no_grad()
def run(model, ids: list[int], greedy: int) -> tuple[list[float], list[int]]:
    logits = model(input_ids=torch.tensor([ids])).logits[0, -1].float()
    context, out = list(ids), []
    for _ in range(greedy):
        out.append(int(model(input_ids=torch.tensor([context])).logits[0, -1].argmax()))
        context.append(out[-1])
    return logits.tolist(), out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("adapter", type=pathlib.Path)
    parser.add_argument("--ids", help="prompt as comma-separated token ids")
    parser.add_argument("--ids-file", help="prompts as JSON, or the demo's event lines")
    parser.add_argument("--greedy", type=int, default=0, help="tokens to continue each prompt by")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    base = AutoModelForCausalLM.from_pretrained(args.base, dtype=torch.float32, local_files_only=True).eval()
    prompts = prompts_of(args)
    before = [run(base, ids, args.greedy) for ids in prompts]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base, args.adapter).eval()
    report = check_tensors(model, args.adapter)
    report["warnings"] = [str(warning.message) for warning in caught]
    after = [run(model, ids, args.greedy) for ids in prompts]
    report["maxChange"] = max(abs(b - a) for (x, _), (y, _) in zip(before, after) for a, b in zip(x, y))
    report["prompts"] = [
        {"ids": ids, "base": x, "tuned": y, "baseGreedy": gx, "tunedGreedy": gy}
        for ids, (x, gx), (y, gy) in zip(prompts, before, after)
    ]
    json.dump(report, sys.stdout)
    print()
    return 1 if report["missing"] or report["unexpected"] or report["mismatched"] else 0


if __name__ == "__main__":
    sys.exit(main())
