"""Writes the token ids of 2,000 varied texts by the Python library, to compare with the page's (token-ids.ts).

Usage: python token_ids.py OUT.json NAME=TOKENIZER_DIR ... [--seed N] [--texts N]
Needs: tokenizers. TOKENIZER_DIR has tokenizer.json and, if there is one, tokenizer_config.json.

The texts are drawn by the seed: words of many scripts, numbers of every kind (also those of \\p{N} that are no digits), spaces of every
kind, contractions, code, emoji with joiners, combining marks, rare and unassigned characters, special tokens of the tokenizers. Of
characters that Unicode added after 3.2, or whose category it changed, only few are drawn: the tables of the libraries have different
versions. U+0085 and U+FEFF do not come before a special token: of the spaces there the JavaScript library keeps the former and removes
the latter.
OUT.json: {"texts": […], "tokenizers": {NAME: {"directory": …, "ids": [[…], …]}}}; ids without special tokens around the text.
"""
import argparse
import json
import pathlib
import random
import re
import sys
import unicodedata

from tokenizers import Tokenizer

WORDS = """the The THE quick brown fox don't won't I'll we've they'd it's IT'S o'clock naïve café coöperate Straße İstanbul ŒUVRE ﬁnal ǅ
мир Привет Ёлка Ελλάδα ὀδυσσεύς שלום עולם مرحبا العالم नमस्ते दुनिया สวัสดี 你好世界 世界 こんにちは カタカナ ｶﾀｶﾅ 안녕하세요 한글 ქართული հայ አማርኛ
tokenizer pneumonoultramicroscopicsilicovolcanoconiosis aaaaaaaaaaaaaaaaaaaaaaaa e-mail co-op x_y camelCase snake_case
def return if(x==1){y+=2;} </div> <p class="a"> https://example.com/a?b=c&d=e#f user@example.org #tag @name $100 €5,99 50% 3.14 1e-10
""".split()
NUMBERS = ["0", "7", "42", "2024", "1234567890", "٣٤٥", "१२३", "５６", "Ⅷ", "½", "²", "③", "௧௨", "𝟘𝟙", "零", "1,000.50", "0x1F", "007", "1st", "⅓3", "१a२"]
SPACES = [" ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", " \n ", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028", "\ufeff", "\x0b", "\x85"]
MARKS = ["e\u0301", "\u0301", "a\u0308\u0323", "👍", "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪", "❤️", "✈", "\u200d", "…", "—", "“q”", "‘s", "’s", "'S", "!!!", "?!", "...", "（）", "、。", "¿", "\\n"]
RARE = ["\x00", "\x07", "\x7f", "\ufffd", "\ue000", "\U000e0041", "\U0001f9ff", "\u0378", "\uffff", "𐍈", "𓀀", "𠮷", "ꙮ", "\u0600", "\u202e"]


def is_old(c: str) -> bool:
    category = unicodedata.ucd_3_2_0.category(c)
    return category not in ("Cn", "Cs") and category == unicodedata.category(c)


def before_special(text: str, special: list[str]) -> str:
    """The text with one space where U+0085 or U+FEFF come before a special token."""
    token = "|".join(map(re.escape, special))
    return re.sub(rf"\s*[\x85\ufeff][\s\ufeff]*(?={token})", " ", text)


def text_of(rng: random.Random, special: list[str]) -> str:
    kind = rng.random()
    if kind < 0.1:  # any characters
        return "".join(filter(is_old, (chr(rng.randrange(1, 0x2FFFF)) for _ in range(rng.randint(5, 60)))))
    if kind < 0.2:  # characters of one block
        start = rng.randrange(0x20, 0xFF00)
        return "".join(filter(is_old, (chr(start + rng.randrange(64)) for _ in range(rng.randint(2, 30)))))
    parts = []
    for _ in range(rng.randint(1, 14)):
        pool = rng.choices([WORDS, NUMBERS, SPACES, MARKS, RARE, special], [10, 4, 3, 3, 1, 0.3])[0]
        parts.append(rng.choice(pool))
        if rng.random() < 0.6:
            parts.append(rng.choice(SPACES) if rng.random() < 0.15 else " ")
    text = before_special("".join(parts), special)
    return unicodedata.normalize(rng.choice(["NFC", "NFD"]), text) if rng.random() < 0.2 else text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("tokenizers", nargs="+", help="NAME=TOKENIZER_DIR")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--texts", type=int, default=2000)
    args = parser.parse_args()
    folders = dict(pair.split("=", 1) for pair in args.tokenizers)
    loaded = {name: Tokenizer.from_file(f"{folder}/tokenizer.json") for name, folder in folders.items()}
    special = sorted({token.content for one in loaded.values() for token in one.get_added_tokens_decoder().values()})
    rng = random.Random(args.seed)
    texts = list(dict.fromkeys(text_of(rng, special or ["<s>"]) for _ in range(2 * args.texts)))[: args.texts]
    for one in loaded.values():
        one.no_padding()
        one.no_truncation()
    ids = {
        name: {"directory": folders[name], "ids": [one.encode(text, add_special_tokens=False).ids for text in texts]}
        for name, one in loaded.items()
    }
    args.out.write_text(json.dumps({"texts": texts, "tokenizers": ids}))
    print(f"{len(texts)} texts, {sum(map(len, texts))} characters", file=sys.stderr)


if __name__ == "__main__":
    main()
