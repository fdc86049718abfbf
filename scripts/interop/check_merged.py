"""Compares merged weights with the base and its adapter, and what mlx-lm computes, if asked for.

Usage: python check_merged.py BASE_DIR ADAPTER_DIR MERGED_DIR [--ids 1,2,3] [--tolerance X] [--mlx MLX_DIR] [--page LOGITS.json]
Needs: torch, transformers, peft, safetensors; for --mlx also mlx-lm. No network: all are folders on disk.

  --mlx    an adapter for mlx-lm: its logits on the base are compared too
  --page   the page's logits after the last id, by executor, as page-logits.ts prints them

Prints the largest difference of each, as a share of the largest logit. Exit code 1 when one is above the tolerance.
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=pathlib.Path)
    parser.add_argument("adapter", type=pathlib.Path)
    parser.add_argument("merged", type=pathlib.Path)
    parser.add_argument("--ids", default="1,2,3,4,5,6,7,8")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--mlx", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    ids = [int(i) for i in args.ids.split(",")]
    wanted = logits_of(PeftModel.from_pretrained(load(args.base), args.adapter), ids)
    largest = wanted.abs().max().item()
    found = {"merged": logits_of(load(args.merged), ids)}
    if args.mlx:
        found["mlx"] = mlx_logits(args.base, args.mlx, ids)
    off = {name: (logits - wanted).abs().max().item() / largest for name, logits in found.items()}
    if args.page:
        page = json.loads(args.page.read_text())
        for executor in ("webgpu", "wasm"):
            off[executor] = (torch.tensor(page[executor], dtype=torch.float64) - wanted[-1]).abs().max().item() / largest
    print(json.dumps(off))
    return 1 if any(not value <= args.tolerance for value in off.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
