"""Does a GGUF file hold what the Hugging Face folder it was made from holds?  Reads it with gguf-py, whoever wrote it.

Usage: python check_gguf.py adapter FILE.gguf PEFT_DIR --base HF_DIR      a LoRA adapter
       python check_gguf.py model   FILE.gguf HF_DIR [--adapter PEFT_DIR] a model, with an adapter merged into it
       [--tolerance X]  largest difference relative to the tensor's largest number, instead of the type's own
Needs: gguf, numpy.  Exit code 1 if anything differs; every difference is listed, not only the first.

What llama.cpp's layout changes is undone before comparing: Llama's q and k rows (interleaved for its rotary embedding), Gemma's
norms (stored + 1), GPT-2's Conv1D weights (transposed).  Quantised tensors are compared after gguf's own dequantise, and must come
about as near to the original as gguf's own quantise does.
"""
import argparse, json, pathlib, re, sys
import gguf, numpy as np
from gguf import GGMLQuantizationType as Type

TOLERANCE = {Type.F32: 1e-6, Type.F16: 1e-3, Type.BF16: 4e-3, Type.Q8_0: 6e-3}
ROUGH = 0.13                                  # for types that gguf-py cannot quantise to: 4 bits, one scale a block
ARCH = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gpt2": "gpt2", "gemma2": "gemma2", "gemma3_text": "gemma3", "phi3": "phi3"}
KEYS = {"block_count": ("num_hidden_layers", "n_layer"), "embedding_length": ("hidden_size", "n_embd"), "feed_forward_length": ("intermediate_size", "n_inner"), "attention.head_count": ("num_attention_heads", "n_head"),
        "attention.head_count_kv": ("num_key_value_heads",), "attention.layer_norm_rms_epsilon": ("rms_norm_eps",), "attention.layer_norm_epsilon": ("layer_norm_epsilon",), "attention.sliding_window": ("sliding_window",)}

class Report:
    def __init__(self): self.bad, self.rows = [], []
    def check(self, fine, problem):
        if not fine: self.bad.append(problem)
    def difference(self, name, kind, value, limit):
        self.rows.append((value / limit, f"{value:.2e} (limit {limit:.1e})  {kind:5s} {name}")); self.check(value <= limit, f"{name}: differs by {value:.2e} of its largest number, limit {limit:.1e}")
    def end(self):
        for _, row in sorted(self.rows, reverse=True)[:10]: print(row)
        for problem in self.bad: print("WRONG", problem)
        print(f"{len(self.rows)} compared, {len(self.bad)} problems"); sys.exit(1 if self.bad else 0)

def load(folder):
    """Every tensor of a folder's safetensors files, as float32."""
    return {k: v for path in sorted(pathlib.Path(folder).glob("*.safetensors")) for k, v in tensors_of(path.read_bytes())}

def tensors_of(file):
    size = int.from_bytes(file[:8], "little")
    for name, info in json.loads(file[8:8 + size]).items():
        if name == "__metadata__": continue
        start, end = (8 + size + at for at in info["data_offsets"])
        bits = np.frombuffer(file[start:end], {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}[info["dtype"]])
        value = (bits.astype("<u4") << 16).view("<f4") if info["dtype"] == "BF16" else bits.astype(np.float32)
        yield name, value.reshape(info["shape"])

def config_of(folder): return json.loads((pathlib.Path(folder) / "config.json").read_text())

def first(config, names): return next((config[n] for n in names if config.get(n) is not None), None)

def unpermute(rows, heads):
    """Undoes the converter's `reshape(heads, 2, n / 2, …).swapaxes(1, 2)` of each head's n rows."""
    return rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)

def heads_of(name, config):
    """Heads whose rows llama.cpp interleaves in this weight, or None."""
    if ARCH.get(config["model_type"]) != "llama": return None
    if re.search(r"self_attn\.q_proj\b", name): return config["num_attention_heads"]
    return config.get("num_key_value_heads", config["num_attention_heads"]) if re.search(r"self_attn\.k_proj\b", name) else None

class Names:
    def __init__(self, config):
        arch = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == ARCH[config["model_type"]])
        self.map = gguf.get_tensor_name_map(arch, first(config, KEYS["block_count"]))
    def __call__(self, name): return self.map.get_name(name, try_suffixes=(".weight", ".bias"))

def peft_modules(folder):
    """{module: (A [r, in], B [out, r], scale)} and what of the adapter is not LoRA."""
    config, tensors = json.loads((pathlib.Path(folder) / "adapter_config.json").read_text()), load(folder)
    modules, rest = {}, []
    for name, value in tensors.items():
        found = re.fullmatch(r"base_model\.model\.(.+)\.lora_A\.weight", name)
        if not found: rest += [] if name.endswith(".lora_B.weight") else [name]; continue
        module, rank = found[1], value.shape[0]
        alpha = next((v for k, v in (config.get("alpha_pattern") or {}).items() if re.match(rf"(.*\.)?({k})$", module)), config["lora_alpha"])
        modules[module] = value, tensors[name.replace("lora_A", "lora_B")], alpha / (rank ** 0.5 if config.get("use_rslora") else rank)
    return modules, rest

def field(reader, key):
    found = reader.fields.get(key)
    return None if found is None else found.contents()

def off(found, wanted): return float(np.abs(found.astype(np.float64) - wanted).max() / max(np.abs(wanted).max(), 1e-30))

def check_header(reader, report, config):
    report.check(field(reader, "GGUF.version") == 3, f"GGUF version {field(reader, 'GGUF.version')}, not 3")
    report.check(field(reader, "general.architecture") == ARCH[config["model_type"]], f"general.architecture is {field(reader, 'general.architecture')!r}, not {ARCH[config['model_type']]!r}")
    names = [t.name for t in reader.tensors]
    report.check(len(set(names)) == len(names), "a tensor name occurs twice")

def check_adapter(a, report):
    reader, config = gguf.GGUFReader(a.file), config_of(a.base); check_header(reader, report, config); names = Names(config)
    for key, wanted in (("general.type", "adapter"), ("adapter.type", "lora")): report.check(field(reader, key) == wanted, f"{key} is {field(reader, key)!r}, not {wanted!r}")
    alpha = field(reader, "adapter.lora.alpha"); report.check(isinstance(alpha, float), f"adapter.lora.alpha is {alpha!r}, not a float32"); alpha = alpha or 0.0
    modules, rest = peft_modules(a.folder)
    for name in rest: report.check(False, f"{name}: a GGUF LoRA cannot hold it")
    tensors = {t.name: t for t in reader.tensors}
    for module, (A, B, scale) in modules.items():
        at = names(module + ".weight"); pair = [tensors.pop(f"{at}.lora_{x}", None) for x in "ab"]
        if None in pair: report.check(False, f"{at}.lora_a or .lora_b is missing ({module})"); continue
        down, up = (gguf.dequantize(t.data, t.tensor_type) for t in pair)
        if down.shape != A.shape or up.shape != B.shape: report.check(False, f"{at}: a {down.shape} b {up.shape}, not {A.shape} {B.shape}"); continue
        heads = heads_of(module, config); up = unpermute(up, heads) if heads else up
        ran = alpha / up.shape[1] if alpha else 1.0       # as llama.cpp does: alpha 0 means no scale
        limit = a.tolerance or 2 * max(TOLERANCE.get(t.tensor_type, ROUGH) for t in pair)
        report.difference(f"{at} a", pair[0].tensor_type.name, off(down, A), limit)
        if np.abs(B).max() == 0: report.check(np.abs(up).max() == 0, f"{at}.lora_b is not zero")
        else: report.difference(f"{at} scale·b·a", pair[1].tensor_type.name, off(ran * up.astype(np.float64) @ down, scale * B.astype(np.float64) @ A), limit)
    for name in tensors: report.check(False, f"{name}: not in the PEFT adapter")

def merged(a):
    weights = load(a.folder); gpt2 = config_of(a.folder)["model_type"] == "gpt2"
    for module, (A, B, scale) in (peft_modules(a.adapter)[0] if a.adapter else {}).items():
        delta = (scale * B.astype(np.float64) @ A).astype(np.float32)
        name = module + ".weight"; name = name if name in weights else name.removeprefix("transformer.")
        weights[name] = weights[name] + (delta.T if gpt2 else delta)
    return {k: v for k, v in weights.items() if not re.search(r"rotary_emb\.inv_freq|\.attn\.(masked_)?bias$", k)}

def expected(name, value, config):
    """A weight as llama.cpp's converter lays it out, the rows of q and k apart."""
    kind = config["model_type"]
    if kind == "gpt2" and re.search(r"\.(c_attn|c_proj|c_fc)\.weight$", name): return value.T
    return value + 1 if kind.startswith("gemma") and name.endswith("norm.weight") else value

def limit_of(tensor, wanted):
    if tensor.tensor_type in TOLERANCE: return TOLERANCE[tensor.tensor_type]
    try: return 1.25 * off(gguf.dequantize(gguf.quantize(np.ascontiguousarray(wanted, dtype=np.float32), tensor.tensor_type), tensor.tensor_type), wanted) + 1e-6
    except NotImplementedError: return ROUGH

def check_model(a, report):
    reader, config = gguf.GGUFReader(a.file), config_of(a.folder); check_header(reader, report, config); names, arch = Names(config), ARCH[config["model_type"]]
    for key, sources in KEYS.items():
        wanted, found = first(config, sources), field(reader, f"{arch}.{key}")
        if found is not None and wanted is not None: report.check(np.isclose(found, wanted, rtol=1e-6), f"{arch}.{key} is {found}, not {wanted}")
        elif key in ("block_count", "embedding_length", "attention.head_count"): report.check(found is not None, f"{arch}.{key} is missing")
    theta = (config.get("rope_parameters") or {}).get("rope_theta", config.get("rope_theta")); found = field(reader, f"{arch}.rope.freq_base")
    if theta is not None: report.check(found is not None and np.isclose(found, theta, rtol=1e-6) or found is None and theta == 10000, f"{arch}.rope.freq_base is {found}, not {theta}")
    vocabulary = field(reader, "tokenizer.ggml.tokens"); report.check(vocabulary is None or len(vocabulary) == config["vocab_size"], f"{len(vocabulary or [])} tokens, not {config['vocab_size']}")
    tensors = {t.name: t for t in reader.tensors if t.name != "rope_freqs.weight"}; weights = merged(a)
    if "lm_head.weight" not in weights and "output.weight" in tensors:       # tied, and written out all the same
        weights["lm_head.weight"] = next(v for k, v in weights.items() if k.endswith(("embed_tokens.weight", "wte.weight")))
    for name, value in weights.items():
        at = names(name); tensor = tensors.pop(at, None) if at else None
        if tensor is None:
            tied = name == "lm_head.weight" and config.get("tie_word_embeddings")
            report.check(tied, f"{name}: no tensor {at}"); continue
        wanted, found, heads = expected(name, value, config), gguf.dequantize(tensor.data, tensor.tensor_type), heads_of(name, config)
        if found.shape != wanted.shape: report.check(False, f"{at}: {found.shape}, not {wanted.shape}"); continue
        report.difference(at, tensor.tensor_type.name, off(unpermute(found, heads) if heads else found, wanted), a.tolerance or limit_of(tensor, wanted))
    for name in tensors: report.check(False, f"{name}: not in the Hugging Face folder")

if __name__ == "__main__":
    p = argparse.ArgumentParser(); p.add_argument("kind", choices=["adapter", "model"]); p.add_argument("file"); p.add_argument("folder"); p.add_argument("--base"); p.add_argument("--adapter"); p.add_argument("--tolerance", type=float)
    a = p.parse_args(); report = Report()
    if a.kind == "adapter" and not a.base: p.error("an adapter needs --base, the folder of its base model")
    (check_adapter if a.kind == "adapter" else check_model)(a, report); report.end()
