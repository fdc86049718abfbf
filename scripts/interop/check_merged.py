"""Compares merged weights with the bases and their adapters, and what mlx-lm computes, if asked for.

Usage: python check_merged.py CASES.json
Needs: torch, transformers, peft, safetensors; for mlx also mlx-lm. No network: all are folders on disk.

CASES.json: a list of cases, each with
  base, adapter, merged   folders; the merged one is compared with the base and its adapter in PEFT
  ids                     the text, as token ids
  tolerance               of a difference, as a share of the largest logit
  mlx                     optional: the folder of an adapter for mlx-lm, whose logits on the base are compared too
  page                    optional: a file with the page's logits after the last id, by executor, as page-logits.ts prints them

Prints the largest differences of each case, a list of JSON objects. Exit code 1 when one is above its tolerance.
"""

import argparse
import json
import pathlib
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


@torch.no_grad()
def logits_of(model, ids: list[int]) -> torch.Tensor:
    return model.eval()(input_ids=torch.tensor([ids])).logits[0].double()


def load(folder: pathlib.Path, dtype=torch.float32):
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, output_loading_info=True, local_files_only=True)
    odd = {name: sorted(map(str, found)) for name, found in info.items() if name in ("missing_keys", "unexpected_keys") and found}
    if odd:
        raise SystemExit(f"{folder}: {odd}")
    return model


def mlx_logits(base: pathlib.Path, adapter: pathlib.Path, ids: list[int]) -> torch.Tensor:
    import mlx.core as mx
    import numpy as np
    from mlx_lm.tuner.utils import load_adapters
    from mlx_lm.utils import load_model

    rope = json.loads((base / "config.json").read_text()).get("rope_parameters") or {}
    known = {"rope_theta": rope["rope_theta"]} if "rope_theta" in rope else {}  # mlx-lm reads it beside the other fields
    model, _ = load_model(base, model_config=known)
    model = load_adapters(model, str(adapter))
    model.eval()
    model.set_dtype(mx.float32)
    return torch.from_numpy(np.array(model(mx.array([ids]))[0].astype(mx.float32))).double()


def differences(case: dict) -> dict[str, float]:
    base, adapter, ids = pathlib.Path(case["base"]), case["adapter"], case["ids"]
    wanted = logits_of(PeftModel.from_pretrained(load(base), adapter), ids)
    largest = wanted.abs().max().item()
    found = {"merged": logits_of(load(pathlib.Path(case["merged"])), ids)}
    if "mlx" in case:
        found["mlx"] = mlx_logits(base, pathlib.Path(case["mlx"]), ids)
    off = {name: (logits - wanted).abs().max().item() / largest for name, logits in found.items()}
    if "page" in case:
        page = json.loads(pathlib.Path(case["page"]).read_text())
        for executor in ("webgpu", "wasm"):
            off[executor] = (torch.tensor(page[executor], dtype=torch.float64) - wanted[-1]).abs().max().item() / largest
    return off


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=pathlib.Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cases = json.loads(args.cases.read_text())
    all_off = [differences(case) for case in cases]
    print(json.dumps(all_off))
    bad = [case["merged"] for case, off in zip(cases, all_off) if any(not value <= case["tolerance"] for value in off.values())]
    for folder in bad:
        print(f"{folder}: above its tolerance", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
