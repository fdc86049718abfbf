/** The files of a bundle that do not depend on the run, and its README. */

import type { CardFacts } from './card';

/** Versions with which the program was run. */
export const REQUIREMENTS = `torch==2.13.0
transformers==5.24.0
trl==1.16.0
peft==0.21.2
accelerate==1.15.0
datasets==5.2.0
safetensors==0.8.0
# Only for accelerate/zero3.yaml, on Linux:
# deepspeed==0.19.8
`;

const common = (type: string, processes: number) => `compute_environment: LOCAL_MACHINE
distributed_type: ${type}
num_machines: 1
num_processes: ${processes}
machine_rank: 0
main_training_function: main
mixed_precision: 'no'  # train.py takes bfloat16 where the GPU has it
rdzv_backend: static
same_network: true
`;

/** Configurations by file name. `num_processes` is the number of GPUs. */
export const ACCELERATE: Readonly<Record<string, string>> = {
  one_gpu: common("'NO'", 1),
  ddp: common('MULTI_GPU', 2),
  fsdp2: `${common('FSDP', 2)}fsdp_config:
  fsdp_version: 2
  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP
  fsdp_reshard_after_forward: true
  fsdp_state_dict_type: FULL_STATE_DICT
  fsdp_cpu_ram_efficient_loading: true
  fsdp_offload_params: false
  fsdp_activation_checkpointing: false
`,
  zero3: `${common('DEEPSPEED', 2)}deepspeed_config:
  zero_stage: 3
  zero3_init_flag: true
  zero3_save_16bit_model: true
  offload_optimizer_device: none
  offload_param_device: none
  gradient_accumulation_steps: auto
  gradient_clipping: auto
`,
};

/** `lost`: settings of the run that the program does not have. `tests`: there are test rows. */
export function readme({ name, recipe }: CardFacts, lost: readonly string[], tests = false): string {
  const result = recipe.method.kind === 'full' ? 'a Hugging Face model' : 'an adapter in PEFT’s format';
  const back =
    recipe.method.kind === 'full'
      ? 'Finetab opens it in the Model stage.'
      : 'Finetab opens it again: drop the folder `result` onto the Use stage.';
  const line = (text: string) => text.replace(/\s+/g, ' ').trim();
  return `# ${line(name)}, on bigger machines

The data, and a program that trains as the recipe says, with TRL, PEFT and transformers.

\`\`\`sh
pip install -r requirements.txt
accelerate launch --config_file accelerate/one_gpu.yaml train.py
\`\`\`

In place of \`one_gpu.yaml\`:

| file | for |
| --- | --- |
| \`accelerate/ddp.yaml\` | several GPUs, each with the whole model |
| \`accelerate/fsdp2.yaml\` | several GPUs that share the weights (FSDP2) |
| \`accelerate/zero3.yaml\` | the same with DeepSpeed (ZeRO-3) |

Set \`num_processes\` in the file to the number of GPUs. Without a GPU, on two processes:
\`torchrun --nproc_per_node=2 train.py --max-steps 20\`.

The folder \`result\` is then ${result}. ${back}

\`data/train.jsonl\` and \`data/held_out.jsonl\` have the tokens that the browser trained on, and their texts; the program reads the tokens.
${tests ? 'It measures the rows of `data/test.jsonl` once, at the end, and writes the figures to `result/test.json`.\n' : ''}An update sees as many examples as in the browser, on any number of processes. The order of the examples and the random numbers are
others, so the result is not the same to the digit.
${lost.length === 0 ? '' : `\nNot carried over: ${lost.join('; ')}.\n`}`;
}
