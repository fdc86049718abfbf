"""Loads adapters that PEFT saved and those that the page made of them, and compares logits, the engine's too.

Usage: python check_methods.py CASES.json
Needs: torch, transformers, peft, safetensors. No network: all are folders on disk.

CASES.json: a list of cases, each with
  base      folder of the model as it was published
  adapter   folder that PEFT saved; PiSSA and OLoRA: for a base that PEFT splits when it loads them
  saved     folder of the same adapter that the page saved, for the base as it is
  ids       the text, as token ids
  logits    the engine's logits after the last id

Prints a list of JSON objects, a case each, with largest absolute differences of logits after the last id: `engine` and `saved` from
those of `adapter` in PEFT, and `change` of these from the base's.
"""

import json
import pathlib
import sys

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


@torch.no_grad()
def last_logits(model, ids: list[int]) -> torch.Tensor:
    return model.eval()(input_ids=torch.tensor([ids])).logits[0, -1].double()


def base_of(case: dict):
    return AutoModelForCausalLM.from_pretrained(case["base"], dtype=torch.float32, local_files_only=True)


def adapted(case: dict, folder: str):
    """PEFT only warns about names that it does not know, so the file is compared with what the model holds."""
    model = PeftModel.from_pretrained(base_of(case), folder)
    file, held = load_file(pathlib.Path(folder) / "adapter_model.safetensors"), get_peft_model_state_dict(model)
    odd = sorted(held.keys() ^ file.keys()) + [name for name in held.keys() & file.keys() if not torch.equal(held[name], file[name])]
    if odd:
        raise SystemExit(f"{folder}: not loaded as they are: {odd}")
    return model


def differences(case: dict) -> dict[str, float]:
    ids = case["ids"]
    wanted = last_logits(adapted(case, case["adapter"]), ids)
    found = {
        "engine": torch.tensor(case["logits"], dtype=torch.float64),
        "saved": last_logits(adapted(case, case["saved"]), ids),
        "change": last_logits(base_of(case), ids),
    }
    return {name: (logits - wanted).abs().max().item() for name, logits in found.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps([differences(case) for case in json.loads(pathlib.Path(sys.argv[1]).read_text())]))
