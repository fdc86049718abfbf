"""The benchmark's training step in PyTorch + PEFT: `python torch_step.py '{"config": …, "recipe": …, "tokens": N, "threads": […]}'` prints JSON.

Forward, backward, clipping and AdamW over one row of random tokens. With `threads`: on the processor in f32, on each number of
threads. Without: on the machine's GPU where PyTorch has one (in f32 and bf16), else on the processor. Weights are random: the time does not hang on them.
"""

import json, statistics, sys, time

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

ROUNDS, BUDGET_S = 7, 20
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def step_times(config, recipe, tokens, device, dtype):
    torch.manual_seed(0)
    base = LlamaForCausalLM(LlamaConfig(**config)).to(device, dtype)
    method = recipe["method"]
    lora = LoraConfig(r=method["rank"], lora_alpha=method["alpha"], target_modules=LINEARS, task_type="CAUSAL_LM")
    model = get_peft_model(base, lora).train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=recipe["learningRate"], weight_decay=recipe["weightDecay"])
    ids = torch.randint(0, config["vocab_size"], (1, tokens), device=device)

    def step():
        optimizer.zero_grad()
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, recipe["maxGradNorm"])
        optimizer.step()
        return loss.item()                      # waits for the device

    step(), step()
    times, end = [], time.perf_counter() + BUDGET_S
    while len(times) < 2 or (len(times) < ROUNDS and time.perf_counter() < end):
        start = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - start))
    return times


def main():
    asked = json.loads(sys.argv[1])
    gpu = "threads" not in asked and torch.cuda.is_available()
    device, name = ("cuda", torch.cuda.get_device_name()) if gpu else ("cpu", "processor")
    torch.backends.cuda.matmul.allow_tf32 = False
    rows = []
    for threads in asked.get("threads", [torch.get_num_threads()]):
        torch.set_num_threads(threads)
        for dtype in [torch.float32, torch.bfloat16] if gpu else [torch.float32]:
            times = step_times(asked["config"], asked["recipe"], asked["tokens"], device, dtype)
            ms = statistics.median(times)
            kind = str(dtype).removeprefix("torch.")
            rows.append(dict(dtype=kind, threads=threads, ms=ms, spread=(max(times) - min(times)) / ms, samples=len(times)))
    print(json.dumps(dict(version=torch.__version__, device=name, rows=rows)))


main()
