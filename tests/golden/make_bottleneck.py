"""Bottleneck adapters by the `adapters` library: golden trajectories, and adapters with the logits that they give (fp32, CPU).

Usage: OMP_NUM_THREADS=1 python make_bottleneck.py train|logits OUT_DIR [--seed N] [--only NAME ...]
Needs: torch, transformers==4.57.6, adapters==1.3.0, peft, safetensors.  The library does not work with transformers 5.

train: cases laid out as by make_golden.py. init/ and final/ are as the library saves an adapter: adapter_config.json,
adapter.safetensors, and head_config.json with model_head.safetensors, which are trained for classifiers only.

logits: a folder for each family, with config.json and model.safetensors of a random base, and in it one for each variant: the
library's files of an adapter with random numbers, and expected.json with `ids` and the `logits` of the last position, or of the row for
a classifier. tests/unit/fixtures/bottleneck is made so.
"""
import argparse, copy, json, pathlib
import torch, transformers as tr, adapters
import make_golden as golden

VARIANTS = dict(houlsby=adapters.DoubleSeqBnConfig, pfeiffer=adapters.SeqBnConfig)
DECODER = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=32, pad_token_id=0, bos_token_id=1, eos_token_id=2)
ENCODER = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=40, num_labels=3, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
GEMMA = dict(DECODER, head_dim=8, query_pre_attn_scalar=8, sliding_window=8, initializer_range=0.2, attn_implementation="eager")
# The library knows no Phi-3: this is what its documentation asks for from users of such a model.
PHI3 = adapters.AdapterModelInterface(
    adapter_methods=["bottleneck"], model_embeddings="embed_tokens", model_layers="layers", layer_self_attn="self_attn", layer_cross_attn=None,
    attn_qkv_proj="qkv_proj", attn_o_proj="o_proj", layer_intermediate_proj="mlp.gate_up_proj", layer_output_proj="mlp.down_proj",
    layer_pre_self_attn="input_layernorm", layer_pre_ffn="post_attention_layernorm")
# With its own names of ModernBERT the library also wraps Wqkv for LoRA, and the wrapper gets a random bias that no file has.
MODERNBERT = adapters.AdapterModelInterface(
    adapter_methods=["bottleneck"], model_embeddings="embeddings", model_layers="layers", layer_self_attn="attn", layer_cross_attn=None,
    attn_qkv_proj="Wqkv", attn_o_proj="Wo", layer_intermediate_proj="mlp.Wi", layer_output_proj="mlp.Wo", layer_pre_self_attn="attn",
    layer_pre_ffn="mlp", layer_ln_1="mlp_norm")
FAMILIES = {
    "llama": dict(cfg=tr.LlamaConfig, model=tr.LlamaForCausalLM, kw=DECODER),
    "mistral": dict(cfg=tr.MistralConfig, model=tr.MistralForCausalLM, kw=DECODER),
    "qwen2": dict(cfg=tr.Qwen2Config, model=tr.Qwen2ForCausalLM, kw=DECODER),
    "qwen3": dict(cfg=tr.Qwen3Config, model=tr.Qwen3ForCausalLM, kw=dict(DECODER, head_dim=8)),
    "phi3": dict(cfg=tr.Phi3Config, model=tr.Phi3ForCausalLM, kw=DECODER, interface=PHI3),
    "gemma2": dict(cfg=tr.Gemma2Config, model=tr.Gemma2ForCausalLM, kw=GEMMA),
    "gemma3": dict(cfg=tr.Gemma3TextConfig, model=tr.Gemma3ForCausalLM, kw=GEMMA),
    "gpt2": dict(cfg=tr.GPT2Config, model=tr.GPT2LMHeadModel, kw=dict(n_embd=16, n_layer=2, n_head=2, n_positions=32, bos_token_id=1, eos_token_id=2, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)),
    "bert": dict(cfg=tr.BertConfig, model=tr.BertForSequenceClassification, kw=ENCODER),
    "roberta": dict(cfg=tr.RobertaConfig, model=tr.RobertaForSequenceClassification, kw=dict(ENCODER, type_vocab_size=1, pad_token_id=1)),
    "distilbert": dict(cfg=tr.DistilBertConfig, model=tr.DistilBertForSequenceClassification, kw=dict(dim=16, hidden_dim=24, n_layers=2, n_heads=2, max_position_embeddings=32, num_labels=3, dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0)),
    "modernbert": dict(cfg=tr.ModernBertConfig, model=tr.ModernBertForSequenceClassification, kw=dict(hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2, num_labels=3, max_position_embeddings=32, local_attention=8, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2), interface=MODERNBERT),
}
WIDER = dict(hidden_size=32, intermediate_size=48, num_attention_heads=4)
TRAINED = {
    "llama_pfeiffer": dict(FAMILIES["llama"], kw=dict(DECODER, **WIDER, tie_word_embeddings=True), variant="pfeiffer"),
    "bert_pfeiffer": dict(FAMILIES["bert"], kw=dict(ENCODER, **WIDER), variant="pfeiffer"),
    # Its activations are large: at one seed an input of ReLU is so near 0 that the rounding of float32 decides on which side it is.
    "gemma2_pfeiffer": dict(FAMILIES["gemma2"], kw=dict(GEMMA, **WIDER), variant="pfeiffer", config=dict(non_linearity="gelu")),
}
NAME = "golden"

def random_base(spec, seed):
    torch.manual_seed(seed)
    base = spec["model"](spec["cfg"](vocab_size=golden.V, **spec["kw"])).float().eval()
    with torch.no_grad():
        for p in base.parameters(): p.add_(torch.randn_like(p) * 0.05)
    return base

def adapted(base, spec, size, **config):
    """Every number of a new adapter is near 0: the random ones let each term count. Other heads than new classifiers stay as they are."""
    adapters.init(base, interface=spec.get("interface"))
    base.add_adapter(NAME, config=VARIANTS[spec["variant"]](reduction_factor=4, **config)); base.train_adapter(NAME)
    with torch.no_grad():
        for n, p in base.named_parameters():
            p.requires_grad_(".adapters." in n or n.startswith(("classifier.", "pre_classifier.")))
            if p.requires_grad: p.add_(torch.randn_like(p) * size)

def save(model, folder):
    model.save_adapter(str(folder), NAME, use_safetensors=True)

def last(logits, mask):
    return logits if logits.dim() == 2 else torch.stack([logits[i, int(n) - 1] for i, n in enumerate(mask.sum(1))])

def train_case(name, spec, out, seed):
    folder = out / name; folder.mkdir(parents=True, exist_ok=True)
    base = random_base(spec, seed); base.save_pretrained(folder)
    labels = spec["kw"].get("num_labels")
    data = golden.batches(torch.Generator().manual_seed(seed + 1), "", labels, steps=5)
    with torch.no_grad(): base_loss = base(**data[0]).loss.item()
    exact = copy.deepcopy(base)
    for model in (base, exact):
        torch.manual_seed(seed + 2); adapted(model, spec, 0.05, **spec.get("config", {}))
    save(base, folder / "init"); exact.double()
    hyper = dict(lr=1e-2, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, max_grad_norm=1.0)
    base.train(); exact.train()
    steps = golden.train(base, data, hyper)
    off = golden.f64_deviation(base, steps, exact, data, hyper)
    base.eval(); save(base, folder / "final")
    with torch.no_grad(): logits = last(base(**{k: v for k, v in data[0].items() if k != "labels"}).logits, data[0]["attention_mask"])
    trainable = sum(p.numel() for p in base.parameters() if p.requires_grad)
    versions = dict(torch=torch.__version__, transformers=tr.__version__, adapters=adapters.__version__)
    case = dict(versions=versions, seed=seed, method=spec["variant"], objective="classification" if labels else "causal_lm", hyper=hyper,
                trainable=trainable, base=dict(loss=base_loss), steps=steps, eval=dict(logits=logits.tolist()), f64_deviation=off)
    (folder / "case.json").write_text(json.dumps(case)); (folder / "generation_config.json").unlink(missing_ok=True)
    for path in folder.rglob("*.safetensors"): path.chmod(0o644)
    print(f"{name:22s} loss {steps[0]['loss']:.4f} -> {steps[-1]['loss']:.4f}  trainable {trainable}  f64 {off}")

def logits_cases(name, spec, out, seed):
    folder = out / name; folder.mkdir(parents=True, exist_ok=True)
    random_base(spec, seed).save_pretrained(folder); (folder / "generation_config.json").unlink(missing_ok=True)
    ids = torch.randint(4, golden.V, (1, 12))
    for variant in VARIANTS:
        model = random_base(spec, seed)
        with torch.no_grad(): before = model(input_ids=ids).logits
        adapted(model, dict(spec, variant=variant), 0.3, scaling=0.7)
        save(model, folder / variant); model.eval()
        with torch.no_grad(): logits = model(input_ids=ids).logits
        row = last(logits, torch.ones_like(ids))[0]
        (folder / variant / "expected.json").write_text(json.dumps(dict(ids=ids[0].tolist(), logits=row.tolist())))
        print(f"{name:12s} {variant} changes logits by {(logits - before).abs().max().item():.3f}")
    for path in folder.rglob("*.safetensors"): path.chmod(0o644)

if __name__ == "__main__":
    a = argparse.ArgumentParser(); a.add_argument("what", choices=["train", "logits"]); a.add_argument("out", type=pathlib.Path)
    a.add_argument("--seed", type=int, default=1); a.add_argument("--only", nargs="*")
    a = a.parse_args(); torch.set_num_threads(1)
    for name, spec in (TRAINED if a.what == "train" else FAMILIES).items():
        if not a.only or name in a.only: (train_case if a.what == "train" else logits_cases)(name, spec, a.out, a.seed)
