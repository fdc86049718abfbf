"""Prints the groups of near duplicates of texts by datasketch, as JSON: lists of indices, in the order of their first text.

Usage: python check_near_duplicates.py TEXTS.json THRESHOLD
Needs: datasketch. TEXTS.json is a list of strings.

Texts are sets of pairs of words. Candidates come from MinHash of 256 permutations in LSH made for a lower threshold, and are verified by
the exact Jaccard index of the sets. A text that is in several groups joins them.
"""
import json
import pathlib
import re
import sys
import unicodedata

from datasketch import MinHash, MinHashLSH


def pairs_of(text: str) -> set[str]:
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).lower())
    return {" ".join(words[i : i + 2]) for i in range(max(len(words) - 1, 1))} if words else set()


def main() -> None:
    texts = json.loads(pathlib.Path(sys.argv[1]).read_text())
    threshold = float(sys.argv[2])
    sets = [pairs_of(text) for text in texts]
    index = MinHashLSH(threshold=threshold - 0.15, num_perm=256)
    first = list(range(len(texts)))

    def root(i: int) -> int:
        while first[i] != i:
            i = first[i]
        return i

    for i, pairs in enumerate(sets):
        if not pairs:
            continue
        sketch = MinHash(num_perm=256)
        for pair in pairs:
            sketch.update(pair.encode())
        for j in index.query(sketch):
            if len(pairs & sets[j]) / len(pairs | sets[j]) >= threshold:
                a, b = root(i), root(j)
                first[max(a, b)] = min(a, b)
        index.insert(i, sketch)
    groups: dict[int, list[int]] = {}
    for i in range(len(texts)):
        groups.setdefault(root(i), []).append(i)
    print(json.dumps([group for group in groups.values() if len(group) > 1]))


if __name__ == "__main__":
    main()
