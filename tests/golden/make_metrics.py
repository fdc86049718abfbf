"""Fixed inputs and what real libraries make of them. metrics.json beside this file has the groups classification, ranking, regression, calibration, label_calibration.

Usage: python make_metrics.py OUT_FILE [--seed N]
Needs: scikit-learn, scipy, sacrebleu, rouge-score, torch, torchmetrics, transformers (its SQuAD normalisation).

The file is {versions, seed, GROUP: [{name, input, expected}]}.  A number that is not defined (0/0, a constant column) is null.
"""
import argparse, importlib.metadata, json, math, os, pathlib, warnings
os.environ.setdefault("HF_HUB_OFFLINE", "1")
import numpy as np, sacrebleu, scipy.optimize, scipy.special, scipy.stats, torch
from rouge_score import rouge_scorer
from sklearn import metrics as sk
from torch.nn import functional as F
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error
from transformers.data.metrics.squad_metrics import compute_exact, compute_f1, normalize_answer
warnings.simplefilter("ignore")

def tidy(value):
    """Python numbers, with null for what is not defined."""
    if isinstance(value, dict): return {k: tidy(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray, torch.Tensor)): return [tidy(v) for v in value]
    if isinstance(value, (np.integer, bool, int)): return int(value) if not isinstance(value, bool) else value
    if isinstance(value, (float, np.floating)): return float(value) if math.isfinite(value) else None
    return value

def group(cases, score): return [tidy(dict(name=name, input=given, expected=score(**given))) for name, given in cases.items()]

# ---- classes ---------------------------------------------------------------------------------------------------------
def classification(labels, true, predicted):
    scores = dict(accuracy=sk.accuracy_score(true, predicted), confusion_matrix=sk.confusion_matrix(true, predicted, labels=labels), mcc=sk.matthews_corrcoef(true, predicted))
    for average in ("macro", "micro", "weighted"):
        p, r, f, _ = sk.precision_recall_fscore_support(true, predicted, labels=labels, average=average, zero_division=0)
        scores[average] = dict(precision=p, recall=r, f1=f)
    p, r, f, n = sk.precision_recall_fscore_support(true, predicted, labels=labels, average=None, zero_division=0)
    return dict(scores, per_class=dict(precision=p, recall=r, f1=f, support=n))

def classification_cases(rng):
    def noisy(n, k, right, weights=None):
        true = rng.choice(k, n, p=weights); return dict(labels=list(range(k)), true=true.tolist(), predicted=np.where(rng.random(n) < right, true, rng.integers(0, k, n)).tolist())
    return {
        "two_classes": noisy(40, 2, 0.6), "three_classes": noisy(60, 3, 0.5), "ten_classes": noisy(200, 10, 0.7), "imbalanced": noisy(100, 3, 0.5, [0.9, 0.08, 0.02]), "chance": noisy(80, 4, 0.0),
        "class_absent_from_truth": dict(labels=[0, 1, 2], true=[0, 0, 1, 1, 0, 1], predicted=[0, 2, 1, 1, 0, 0]),
        "class_never_predicted": dict(labels=[0, 1, 2], true=[0, 1, 2, 2, 1, 0], predicted=[0, 1, 0, 1, 1, 0]),
        "class_absent_from_both": dict(labels=[0, 1, 2, 3], true=[0, 1, 3, 3], predicted=[0, 1, 1, 3]),
        "perfect": dict(labels=[0, 1, 2], true=[0, 1, 2, 1], predicted=[0, 1, 2, 1]), "all_wrong": dict(labels=[0, 1], true=[0, 1, 0, 1], predicted=[1, 0, 1, 0]),
        "one_class_predicted": dict(labels=[0, 1], true=[0, 1, 0, 1, 1], predicted=[1, 1, 1, 1, 1]), "one_row": dict(labels=[0, 1], true=[1], predicted=[1]),
    }

def ranking(true, score):
    if isinstance(score[0], list):
        classes = list(range(len(score[0]))); present = len(set(true)) == len(classes)
        return dict(auroc_macro_ovr=sk.roc_auc_score(true, score, multi_class="ovr", average="macro", labels=classes) if present else None)
    both = len(set(true)) == 2
    return dict(auroc=sk.roc_auc_score(true, score) if both else None, average_precision=sk.average_precision_score(true, score) if both else None, brier=sk.brier_score_loss(true, score, pos_label=1))

def ranking_cases(rng):
    def some(n, signal):
        true = rng.integers(0, 2, n); return dict(true=true.tolist(), score=np.clip(rng.random(n) * (1 - signal) + true * signal * rng.random(n), 0, 1).tolist())
    def many(n, k):
        true = np.concatenate([np.arange(k), rng.integers(0, k, n - k)]); logits = rng.normal(size=(n, k)) + 1.5 * np.eye(k)[true]; return dict(true=true.tolist(), score=scipy.special.softmax(logits, 1).tolist())
    return {
        "weak": some(50, 0.3), "strong": some(50, 0.8), "chance": some(80, 0.0), "ties": dict(true=[0, 1, 0, 1, 1, 0, 1, 0], score=[0.5, 0.5, 0.2, 0.8, 0.5, 0.5, 0.2, 0.8]),
        "all_tied": dict(true=[0, 1, 1, 0, 1], score=[0.5] * 5), "perfect": dict(true=[0, 0, 1, 1], score=[0.1, 0.2, 0.8, 0.9]), "reversed": dict(true=[0, 0, 1, 1], score=[0.9, 0.8, 0.2, 0.1]),
        "one_class_only": dict(true=[1, 1, 1], score=[0.2, 0.6, 0.9]), "one_positive": dict(true=[0] * 9 + [1], score=np.linspace(0.05, 0.95, 10)[::-1].tolist()), "three_classes": many(40, 3), "five_classes": many(60, 5),
    }

def regression(true, predicted):
    t, p = np.array(true), np.array(predicted); varied = np.ptp(t) > 0 and np.ptp(p) > 0
    return dict(mse=sk.mean_squared_error(t, p), rmse=sk.root_mean_squared_error(t, p), mae=sk.mean_absolute_error(t, p), r2=sk.r2_score(t, p) if len(t) > 1 and np.ptp(t) > 0 else None,
                pearson=scipy.stats.pearsonr(t, p).statistic if varied and len(t) > 1 else None, spearman=scipy.stats.spearmanr(t, p).statistic if varied and len(t) > 1 else None)

def regression_cases(rng):
    def noisy(n, slope, noise): t = rng.normal(size=n); return dict(true=t.tolist(), predicted=(slope * t + noise * rng.normal(size=n)).tolist())
    return {
        "close": noisy(30, 1.0, 0.1), "noisy": noisy(30, 0.8, 0.7), "unrelated": noisy(40, 0.0, 1.0), "negative": noisy(30, -1.0, 0.3), "ties": dict(true=[1, 2, 2, 3, 3, 3, 4], predicted=[1.5, 1.5, 2, 2, 3.5, 3, 3]),
        "rounded": dict(true=[0.0, 0.5, 1.0, 1.5, 2.0, 2.5], predicted=[0, 0, 1, 2, 2, 2]), "perfect": dict(true=[1.0, 2.5, -3.0], predicted=[1.0, 2.5, -3.0]), "constant_prediction": dict(true=[1.0, 2.0, 4.0], predicted=[2.0, 2.0, 2.0]),
        "constant_truth": dict(true=[2.0, 2.0, 2.0], predicted=[1.0, 2.0, 3.0]), "two_rows": dict(true=[0.0, 1.0], predicted=[0.2, 0.1]), "one_row": dict(true=[3.0], predicted=[2.5]), "large_offset": dict(true=[1e6 + 1, 1e6 + 2, 1e6 + 4], predicted=[1e6 + 1.5, 1e6 + 1.5, 1e6 + 3.5]),
    }

# ---- text ------------------------------------------------------------------------------------------------------------
def text(predictions, references):
    """One reference a prediction.  BLEU and chrF are 0 to 100, the others 0 to 1."""
    bleu, scorer = sacrebleu.corpus_bleu(predictions, [references]), rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    rouge = [{k: dict(precision=s.precision, recall=s.recall, f1=s.fmeasure) for k, s in scorer.score(r, p).items()} for p, r in zip(predictions, references)]
    chrf, chrf_pp = sacrebleu.CHRF(), sacrebleu.CHRF(word_order=2)
    return dict(
        bleu=dict(score=bleu.score, precisions=bleu.precisions, brevity_penalty=bleu.bp, predicted_length=bleu.sys_len, reference_length=bleu.ref_len),
        bleu_sentences=[sacrebleu.sentence_bleu(p, [r]).score for p, r in zip(predictions, references)],
        chrf=chrf.corpus_score(predictions, [references]).score, chrf_sentences=[chrf.sentence_score(p, [r]).score for p, r in zip(predictions, references)], chrf_plus_plus=chrf_pp.corpus_score(predictions, [references]).score,
        rouge=rouge, rouge_mean_f1={k: float(np.mean([r[k]["f1"] for r in rouge])) for k in ("rouge1", "rouge2", "rougeL")},
        exact_match=float(np.mean([p == r for p, r in zip(predictions, references)])), exact_match_squad=float(np.mean([compute_exact(r, p) for p, r in zip(predictions, references)])),
        f1_squad=float(np.mean([compute_f1(r, p) for p, r in zip(predictions, references)])), normalized=[normalize_answer(p) for p in predictions])

def text_cases(rng):
    words = "the a small old cat dog bird sat ran flew on under over mat tree river and slowly quickly".split()
    def line(low, high): return " ".join(rng.choice(words, rng.integers(low, high)))
    def changed(s): return " ".join(w if rng.random() < 0.7 else str(rng.choice(words)) for w in s.split())
    refs = [line(4, 15) for _ in range(6)]
    return {
        "made_up_corpus": dict(predictions=[changed(r) for r in refs], references=refs), "identical": dict(predictions=refs[:3], references=refs[:3]), "unrelated": dict(predictions=["xylophone quartz"], references=["the cat sat on the mat"]),
        "empty_prediction": dict(predictions=["", "the cat sat on the mat"], references=["a dog ran", "the cat sat on the mat"]), "all_empty": dict(predictions=["", ""], references=["a dog ran", "the cat"]),
        "short": dict(predictions=["cat", "the dog", "a b c"], references=["cat", "the cat", "a b c d"]), "punctuation_and_case": dict(predictions=["Hello, World!", "It's 3.14, isn't it?", "The U.S. won 1,000-2 (really)."], references=["hello world", "It is 3.14, isn't it?", "The U.S. won 1,000-2, really."]),
        "repeated_words": dict(predictions=["the the the the the the the"], references=["the cat is on the mat"]), "longer_than_reference": dict(predictions=["the cat sat on the mat and then the dog ran away quickly"], references=["the cat sat on the mat"]),
        "unicode": dict(predictions=["Zürich ist schön — naïve café", "今日は良い天気です", "Привет, мир"], references=["Zürich ist sehr schön — naive café", "今日は天気が良い", "Привет мир"]),
        "whitespace": dict(predictions=["  the   cat\tsat ", "line one\nline two"], references=["the cat sat", "line one line two"]), "articles": dict(predictions=["The cat", "an apple a day"], references=["cat", "apple day"]),
        "markup": dict(predictions=["a &lt;b&gt; &amp; &quot;c&quot;", "50% of $3.50 @ home #1"], references=["a <b> & \"c\"", "50 % of $ 3.50 @ home # 1"]),
    }

# ---- calibration, drift, perplexity ----------------------------------------------------------------------------------
def ece(probabilities, true, bins=15):
    """Guo et al. 2017: bins (lo, hi] of the largest probability, weighted |accuracy − confidence|."""
    p = np.array(probabilities); confidence, right = p.max(1), p.argmax(1) == np.array(true); total, edges = 0.0, np.linspace(0, 1, bins + 1)
    for lo, hi in zip(edges, edges[1:]):
        inside = (confidence > lo) & (confidence <= hi)
        if inside.any(): total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total

def nll(logits, true): return float(-scipy.special.log_softmax(np.array(logits), 1)[np.arange(len(true)), true].mean())

def calibration(logits, true):
    """The temperature is the minimum of the mean NLL of logits / T, over T from 0.01 to 100; none where that has no minimum inside."""
    z = np.array(logits); p = scipy.special.softmax(z, 1); at = lambda t: nll(z / t, true)
    if np.all(np.abs(p.max(1) * 15 - np.round(p.max(1) * 15)) > 1e-6):       # off the edges torchmetrics agrees
        assert abs(ece(p, true) - multiclass_calibration_error(torch.tensor(p), torch.tensor(true), p.shape[1], n_bins=15).item()) < 1e-6
    found = scipy.optimize.minimize_scalar(lambda log_t: at(np.exp(log_t)), bounds=(np.log(0.01), np.log(100)), method="bounded", options=dict(xatol=1e-12))
    t = float(np.exp(found.x)); inside = 0.011 < t < 90 and min(at(t * 0.9), at(t * 1.1)) > at(t) + 1e-9
    scaled = dict(temperature=t, ece_scaled=ece(scipy.special.softmax(z / t, 1), true), nll_scaled=at(t)) if inside else dict(temperature=None, ece_scaled=None, nll_scaled=None)
    return dict(probabilities=p, ece=ece(p, true), nll=at(1.0), **scaled)

def calibration_cases(rng):
    def some(n, k, sharp, signal=1.0):
        true = rng.integers(0, k, n); return dict(logits=(sharp * (rng.normal(size=(n, k)) + signal * np.eye(k)[true])).round(6).tolist(), true=true.tolist())
    return {
        "overconfident": some(60, 3, 4.0), "underconfident": some(60, 3, 0.2, 2.0), "fair": some(80, 3, 1.0), "two_classes": some(50, 2, 2.0), "ten_classes": some(80, 10, 2.0), "no_signal": some(60, 4, 1.0, 0.0),
        "few_rows": some(5, 3, 1.5, 0.5), "all_right": dict(logits=[[2.0, 0.0], [0.0, 1.0], [3.0, 0.5]], true=[0, 1, 0]), "all_wrong": dict(logits=[[2.0, 0.0], [0.0, 1.0], [3.0, 0.5]], true=[1, 0, 1]),
        "saturated": dict(logits=[[50.0, 0.0, 0.0], [0.0, 60.0, 0.0], [0.0, 0.0, 40.0], [45.0, 0.0, 1.0]], true=[0, 1, 2, 2]), "ties": dict(logits=[[1.0, 1.0], [0.0, 0.0], [2.0, 2.0], [1.0, 0.0]], true=[0, 1, 0, 0]),
    }

def label_calibration(logits, true):
    """Labels of their own: the probability of each label is the sigmoid of its logit, and all labels of all rows count alike."""
    z, t = np.array(logits).ravel(), np.array(true).ravel(); at = lambda temperature: sk.log_loss(t, scipy.special.expit(z / temperature), labels=[0, 1])
    binary = lambda temperature: binary_calibration_error(torch.tensor(scipy.special.expit(z / temperature)), torch.tensor(t), n_bins=15).item()
    found = scipy.optimize.minimize_scalar(lambda log_t: at(np.exp(log_t)), bounds=(np.log(0.01), np.log(100)), method="bounded", options=dict(xatol=1e-12))
    return dict(ece=binary(1.0), nll=at(1.0), temperature=float(np.exp(found.x)), ece_scaled=binary(float(np.exp(found.x))), nll_scaled=at(float(np.exp(found.x))))

def label_calibration_cases(rng):
    def some(n, k, sharp, share):
        true = (rng.random((n, k)) < share).astype(int); return dict(logits=(sharp * (rng.normal(size=(n, k)) + 1.2 * (2 * true - 1))).round(6).tolist(), true=true.tolist())
    return {"overconfident": some(40, 3, 4.0, 0.3), "underconfident": some(40, 3, 0.3, 0.3), "rare_labels": some(60, 5, 2.0, 0.1), "one_label": some(50, 1, 3.0, 0.5)}

def drift(reference, current, floor, edges=None, bins=None):
    """Population stability index: sum over bins of (c − r) ln(c / r), shares not below `floor` and not renormalised.

    With `bins`, the inner edges are quantiles of the reference (numpy's linear ones); a value on an edge falls to the right of it.
    """
    edges = np.array(edges) if edges is not None else np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1]))
    share = lambda x: np.maximum(np.bincount(np.searchsorted(edges, x, side="right"), minlength=len(edges) + 1) / len(x), floor)
    r, c = share(reference), share(current)
    return dict(edges=edges, reference_shares=r, current_shares=c, psi=float(np.sum(scipy.special.rel_entr(r, c) + scipy.special.rel_entr(c, r))))

def drift_cases(rng):
    n = lambda mean, scale, size: rng.normal(mean, scale, size).round(6).tolist()
    same = n(0, 1, 100)
    return {
        "same_values": dict(reference=same, current=same, floor=1e-4, bins=10), "same_distribution": dict(reference=n(0, 1, 120), current=n(0, 1, 100), floor=1e-4, bins=10), "shifted": dict(reference=n(0, 1, 120), current=n(0.7, 1, 100), floor=1e-4, bins=10),
        "wider": dict(reference=n(0, 1, 120), current=n(0, 2, 100), floor=1e-4, bins=10), "disjoint": dict(reference=n(0, 0.5, 60), current=n(9, 0.5, 60), floor=1e-4, bins=10), "five_bins": dict(reference=n(0, 1, 60), current=n(0.3, 1, 40), floor=1e-4, bins=5),
        "fixed_edges": dict(reference=n(0, 1, 60), current=n(0.3, 1, 40), floor=1e-4, edges=[-1.0, 0.0, 1.0]), "ties_in_reference": dict(reference=[1.0] * 8 + [2.0, 3.0], current=[1.0] * 5 + [2.0, 3.0, 3.0, 4.0, 4.0], floor=1e-4, bins=10),
        "values_on_edges": dict(reference=[0.0, 1.0, 2.0, 3.0], current=[1.0, 1.0, 2.0, 5.0], floor=1e-4, edges=[1.0, 2.0]), "larger_floor": dict(reference=n(0, 1, 50), current=n(2, 1, 50), floor=1e-2, bins=10), "one_value": dict(reference=n(0, 1, 30), current=[0.1], floor=1e-4, bins=4),
    }

def perplexity(logits, labels):
    """logits [rows, T, V] of the token at each place (not shifted), labels [rows, T] with -100 for no token."""
    z, y = torch.tensor(logits, dtype=torch.float64), torch.tensor(labels)
    loss = F.cross_entropy(z.flatten(0, 1), y.flatten(), ignore_index=-100, reduction="none").view(y.shape); n = (y != -100).sum(1)
    total = loss.sum().item() / n.sum().item() if n.sum() else math.nan
    rows = [math.exp(l / k) if k else math.nan for l, k in zip(loss.sum(1).tolist(), n.tolist())]
    return dict(tokens=int(n.sum()), loss=total, perplexity=math.exp(total) if n.sum() else math.nan, row_perplexity=rows)

def perplexity_cases(rng):
    def some(rows, length, vocab, hidden=0.3):
        y = rng.integers(0, vocab, (rows, length)); y[rng.random((rows, length)) < hidden] = -100; return dict(logits=rng.normal(size=(rows, length, vocab)).round(4).tolist(), labels=y.tolist())
    return {
        "one_row": some(1, 6, 5, 0), "ragged": some(3, 6, 5), "larger_vocabulary": some(2, 5, 20), "mostly_hidden": some(3, 6, 4, 0.8), "uniform": dict(logits=[[[0.0] * 4] * 3], labels=[[0, 1, 2]]), "certain": dict(logits=[[[30.0, 0.0], [0.0, 30.0]]], labels=[[0, 1]]),
        "certain_and_wrong": dict(logits=[[[30.0, 0.0], [0.0, 30.0]]], labels=[[1, 1]]), "large_logits": dict(logits=[[[1000.0, 999.0, -1000.0], [500.0, 500.0, 500.0]]], labels=[[1, 0]]),
        "row_without_labels": dict(logits=[[[1.0, 0.0]] * 2, [[0.0, 2.0]] * 2], labels=[[-100, -100], [1, 0]]), "no_labels": dict(logits=[[[1.0, 0.0]]], labels=[[-100]]),
    }

GROUPS = dict(classification=(classification_cases, classification), ranking=(ranking_cases, ranking), regression=(regression_cases, regression), text=(text_cases, text),
              calibration=(calibration_cases, calibration), label_calibration=(label_calibration_cases, label_calibration), drift=(drift_cases, drift), perplexity=(perplexity_cases, perplexity))
PACKAGES = ("numpy", "scipy", "scikit-learn", "sacrebleu", "rouge-score", "torch", "torchmetrics", "transformers")

if __name__ == "__main__":
    a = argparse.ArgumentParser(); a.add_argument("out"); a.add_argument("--seed", type=int, default=1); a = a.parse_args(); torch.set_num_threads(1)
    found = {name: group(make(np.random.default_rng(a.seed)), score) for name, (make, score) in GROUPS.items()}
    versions = {p: importlib.metadata.version(p) for p in PACKAGES}
    pathlib.Path(a.out).write_text(json.dumps(dict(versions=versions, seed=a.seed, **found), ensure_ascii=False, allow_nan=False))
    print({k: len(v) for k, v in found.items()}, f"{pathlib.Path(a.out).stat().st_size / 1024:.0f} KiB")
