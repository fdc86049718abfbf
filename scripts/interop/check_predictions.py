"""Compares the predictions that the page saved for a file with those of transformers and PEFT on the exported classifier.

Usage: python check_predictions.py PREDICTIONS.csv EXPORTED_DIR [--base BASE_MODEL_DIR] [--text COLUMN] [--length N] [--threads N]
Needs: torch, transformers, peft. No network: all folders are on disk. An adapter needs --base; a whole model does not.

PREDICTIONS.csv has the column `prediction` and `probability_NAME` for each class, in their order. N is the sequence length of the run.

Prints one JSON object:
  rows        of the file
  equal       rows with the same class
  unequal     lines of the others, with both classes
  difference  the largest one of a probability

Exit code 1 when a class differs, or a probability by more than 0.001.
"""

import argparse
import csv
import json
import pathlib
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

PROBABILITY = "probability_"


def classifier(folder: pathlib.Path, base: str | None, classes: int) -> torch.nn.Module:
    if not (folder / "adapter_config.json").exists():
        return AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    model = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=classes, dtype=torch.float32, ignore_mismatched_sizes=True, local_files_only=True
    )
    return PeftModel.from_pretrained(model, folder)


@torch.no_grad()
def probabilities(model: torch.nn.Module, tokenizer, texts: list[str], length: int) -> torch.Tensor:
    parts = []
    for start in range(0, len(texts), 32):
        batch = tokenizer(texts[start : start + 32], truncation=True, max_length=length, padding=True, return_tensors="pt")
        parts.append(model(**batch).logits.double().softmax(-1))
    return torch.cat(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", type=pathlib.Path)
    parser.add_argument("exported", type=pathlib.Path)
    parser.add_argument("--base", help="the folder of the base model of an adapter")
    parser.add_argument("--text", default="text", help="the column with the texts")
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with open(args.predictions, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name.removeprefix(PROBABILITY) for name in rows[0] if name.startswith(PROBABILITY)]
    model = classifier(args.exported, args.base, len(names)).eval()
    tokenizer = AutoTokenizer.from_pretrained(args.base or args.exported, local_files_only=True)
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    found = probabilities(model, tokenizer, [row[args.text] for row in rows], args.length)
    classes = [names[index] for index in found.argmax(-1).tolist()]
    saved = torch.tensor([[float(row[PROBABILITY + name]) for name in names] for row in rows], dtype=torch.float64)
    unequal = [[row + 2, rows[row]["prediction"], name] for row, name in enumerate(classes) if rows[row]["prediction"] != name]
    difference = (found - saved).abs().max().item()
    json.dump({"rows": len(rows), "equal": len(rows) - len(unequal), "unequal": unequal, "difference": difference}, sys.stdout)
    print()
    return 1 if unequal or difference > 0.001 else 0


if __name__ == "__main__":
    sys.exit(main())
