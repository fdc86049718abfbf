"""Loads the adapter of a classifier, with its base beside it, by its folder alone, and predicts a text.

Usage: cd ADAPTER_DIR; python check_labels.py TEXT
Needs: torch, transformers, peft. No network. The base is the folder that adapter_config.json names.

Prints one JSON object: the labels that transformers' configuration has, and the label of the text by transformers' pipeline.
"""

import json
import sys

import torch
from transformers import AutoModelForSequenceClassification, pipeline


def main() -> None:
    torch.set_num_threads(1)
    classify = pipeline("text-classification", model=".", tokenizer="base")
    config = AutoModelForSequenceClassification.from_pretrained(".").config
    labels = [config.id2label[index] for index in range(config.num_labels)]
    json.dump({"labels": labels, "predicted": classify(sys.argv[1])[0]["label"]}, sys.stdout)


if __name__ == "__main__":
    main()
