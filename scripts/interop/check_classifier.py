"""Loads an exported classifier with the real transformers and PEFT and prints its results, to compare with the page's.

Usage: python check_classifier.py EXPORTED_DIR [--base BASE_MODEL_DIR] [--ids 1,2,3] [--threads N]
Needs: torch, transformers, peft, safetensors. No network: all folders are on disk. An adapter needs --base; a whole model does not.

Prints one JSON object:
  kind          adapter or model
  consumed      tensors of the exported files, all of which must have found their place
  missing       places that the files did not fill
  unexpected    tensors of the files that found no place
  mismatched    tensors whose shapes or values in the loaded model are not the file's
  problemType, labels   what the configuration of a whole model says
  logits        of the ids, f32

Exit code 1 when a tensor was missing, unexpected or mismatched.
"""

import argparse
import json
import pathlib
import sys
import warnings

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

LAST = ("score.weight", "classifier.weight", "classifier.out_proj.weight")


def tensors_of(folder: pathlib.Path) -> dict[str, torch.Tensor]:
    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(file).items()}


def differing(held: dict, file: dict) -> list[str]:
    """The tensors of the file that are held with other values. Weights of 16 bits are held as f32."""
    return sorted(name for name in held.keys() & file.keys() if not torch.equal(held[name].float(), file[name].float()))


def load_adapter(base: str, folder: pathlib.Path) -> tuple[torch.nn.Module, dict]:
    file = tensors_of(folder)
    outputs = next(tensor.shape[0] for name, tensor in file.items() if name.removeprefix("base_model.model.") in LAST)
    model = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=outputs, dtype=torch.float32, ignore_mismatched_sizes=True, local_files_only=True
    )
    model = PeftModel.from_pretrained(model, folder)
    # With bias "all" PEFT lists the biases of its wrappers too, which are those of `classifier` or unused.
    wrapped = (".modules_to_save.", ".original_module.")
    held = {name: tensor for name, tensor in get_peft_model_state_dict(model).items() if not any(w in name for w in wrapped)}
    return model, {
        "kind": "adapter",
        "consumed": len(held.keys() & file.keys()),
        "missing": sorted(held.keys() - file.keys()),
        "unexpected": sorted(file.keys() - held.keys()),
        "mismatched": differing(held, file),
    }


def load_model(folder: pathlib.Path) -> tuple[torch.nn.Module, dict]:
    file = tensors_of(folder)
    model, info = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True, local_files_only=True
    )
    held = model.state_dict()
    shapes = [str(one) for one in info["mismatched_keys"]]
    return model, {
        "kind": "model",
        "consumed": len(held.keys() & file.keys()),
        "missing": sorted({*info["missing_keys"], *(held.keys() - file.keys())}),
        "unexpected": sorted({*info["unexpected_keys"], *(file.keys() - held.keys())}),
        "mismatched": shapes or differing(held, file),
        "problemType": model.config.problem_type,
        "labels": [model.config.id2label[index] for index in range(model.config.num_labels)],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exported", type=pathlib.Path)
    parser.add_argument("--base", help="the folder of the base model of an adapter")
    parser.add_argument("--ids", default="1,2,3,4,5", help="comma-separated token ids")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    is_adapter = (args.exported / "adapter_config.json").exists()
    if is_adapter and not args.base:
        parser.error("an adapter needs --base, the folder of its base model")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model, report = load_adapter(args.base, args.exported) if is_adapter else load_model(args.exported)
    report["warnings"] = [str(warning.message) for warning in caught]
    with torch.no_grad():
        report["logits"] = model.eval()(input_ids=torch.tensor([[int(i) for i in args.ids.split(",")]])).logits[0].tolist()
    json.dump(report, sys.stdout)
    print()
    return 1 if report["missing"] or report["unexpected"] or report["mismatched"] else 0


if __name__ == "__main__":
    sys.exit(main())
