"""Loads exported bottleneck adapters with the `adapters` library and prints how far their logits are from the expected ones.

Usage: python check_bottleneck.py CASES_FILE
Needs: torch, transformers==4.57.6, adapters, safetensors. No network.

CASES_FILE is a JSON list of {base, adapter, ids, logits}: folders of the base and of the exported adapter, token ids, and the logits
after the last of them, or a classifier's outputs. Prints the largest difference of each case as a share of its largest logit. Exit code 1
when a tensor found no place or a place got no tensor.
"""

import json
import pathlib
import sys

import adapters
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification


def load(base: str, folder: pathlib.Path):
    """As the model card of an exported adapter says."""
    head = folder / "head_config.json"
    if head.exists():
        labels = json.loads(head.read_text())["num_labels"]
        model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=labels, ignore_mismatched_sizes=True)
    else:
        model = AutoModelForCausalLM.from_pretrained(base)
    file = folder / "adapter_interface.json"
    names = json.loads(file.read_text())["interface"] if file.exists() else None
    adapters.init(model, interface=None if names is None else adapters.AdapterModelInterface(**names))
    model.load_adapter(str(folder), use_safetensors=True, set_active=True)
    return model.float().eval()


def unplaced(model, folder: pathlib.Path) -> list[str]:
    """Tensors of the files that the model does not hold, and adapters of the model that the files do not have."""
    files = [load_file(path) for path in sorted(folder.glob("*.safetensors"))]
    saved = {name: tensor for file in files for name, tensor in file.items()}
    held = model.state_dict()
    lost = [name for name, tensor in saved.items() if name not in held or not torch.equal(held[name], tensor)]
    return lost + [name for name in held if ".adapters." in name and name not in saved]


@torch.no_grad()
def main() -> int:
    torch.set_num_threads(1)
    report, wrong = [], []
    for case in json.loads(pathlib.Path(sys.argv[1]).read_text()):
        folder = pathlib.Path(case["adapter"])
        model = load(case["base"], folder)
        wrong += [f"{folder}: {name}" for name in unplaced(model, folder)]
        logits = model(input_ids=torch.tensor([case["ids"]])).logits[0]
        row = logits if logits.dim() == 1 else logits[-1]
        expected = torch.tensor(case["logits"])
        report.append(((row - expected).abs().max() / expected.abs().max()).item())
    print("\n".join(wrong), file=sys.stderr)
    print(json.dumps(report))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
