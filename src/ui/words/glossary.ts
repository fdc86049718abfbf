/** The words of the page that not everybody knows, each explained once. */

import type { StageId } from '../../state/app.svelte';

export interface Word {
  /** The word as the page writes it. */
  readonly term: string;
  /** Other names for the same. */
  readonly also?: string;
  readonly text: string;
  /** The stages where the page uses it. */
  readonly where: readonly StageId[];
}

const word = (term: string, where: readonly StageId[], text: string, also = ''): Word => ({ term, also, text, where });

export const GLOSSARY = {
  accuracy: word('Accuracy', ['train', 'use'], 'The share of examples for which the model predicts the right category.'),
  activations: word(
    'Activations',
    ['recipe'],
    'The numbers that a model computes on the way from its input to its output. Training keeps many of them, which takes memory in proportion to the tokens read at once.',
  ),
  adamw: word(
    'AdamW',
    ['recipe'],
    'The rule that turns gradients into changes of the weights. It keeps two running means for each trained weight, and these need memory too.',
    'optimizer',
  ),
  adapter: word(
    'Adapter',
    ['recipe', 'train', 'use'],
    'A small set of new weights that is trained beside a model, which itself stays as it is. Only the adapter is saved; it works together with its base model.',
  ),
  alpha: word(
    'Alpha (LoRA)',
    ['recipe'],
    'How strongly an adapter changes the model: its output is multiplied by alpha ÷ rank. Twice the rank is usual.',
  ),
  base: word(
    'Base model',
    ['model', 'recipe', 'use'],
    'The model as it was before training. The page shows its answers beside those of the trained one.',
  ),
  batch: word(
    'Batch',
    ['recipe'],
    'The examples that the model learns from in one step. The page fills it with rows of tokens: rows at once × batches per step.',
    'micro-batch, gradient accumulation',
  ),
  'blind-pairs': word(
    'Blind pairs',
    ['use'],
    'Two answers to one prompt in random order, without saying which model wrote which. You choose the better one, so that no expectation decides. From how often each model was chosen follows how sure the result is.',
    'A/B test, side by side',
  ),
  bottleneck: word(
    'Bottleneck adapter',
    ['recipe', 'use'],
    'A small trained network between the layers of the model: it narrows what passes, and widens it again. The model itself stays as it is. Pfeiffer’s have one in each layer, Houlsby’s two.',
    'adapter layer, Houlsby, Pfeiffer',
  ),
  checkpoint: word(
    'Checkpoint',
    ['train', 'use'],
    'The trained weights at one step, saved in this browser. A run can be resumed from it, and it can be tried and exported.',
  ),
  'class-balance': word(
    'Class balance',
    ['data'],
    'How many examples each category or label has. A model that sees one category far more often than the others tends to answer with it.',
  ),
  combining: word(
    'Combining adapters',
    ['use'],
    'Several adapters of one model become one, by adding their weights (linear), side by side (cat), or by rules that let them disturb each other less (TIES, DARE). It takes no training; how well it works has to be measured.',
    'merging, linear, cat, TIES, DARE',
  ),
  confusion: word(
    'Confusion matrix',
    ['train', 'use'],
    'A table that counts, for each true category, which category the model predicted. The right ones are on the diagonal.',
  ),
  curriculum: word(
    'Curriculum',
    ['data', 'recipe'],
    'Learning easy examples before hard ones, as in a school. Easy are short examples, or those on which the base model already has a small loss, as you choose. The first pass over the data is in that order, the others are shuffled.',
    'order of the examples',
  ),
  distillation: word(
    'Distillation',
    ['recipe'],
    'A model learns from the probabilities that a bigger one, the teacher, gives to each possible next token, and not only from the text.',
  ),
  dora: word(
    'DoRA',
    ['recipe'],
    'LoRA that also trains how large each row of the adapted weights is. Often better at low ranks, a little slower.',
  ),
  dpo: word(
    'DPO',
    ['recipe'],
    'Learns from pairs of answers: the preferred one becomes likelier than the rejected one, compared with the base model.',
    'direct preference optimization; variants are IPO, SimPO and ORPO',
  ),
  grpo: word(
    'GRPO',
    ['recipe'],
    'Learns from rewards: the model writes several answers to each question, rules score them, and what the better ones have in common becomes likelier.',
    'group-relative policy optimization, reinforcement learning with verifiable rewards',
  ),
  ppo: word(
    'PPO',
    ['recipe'],
    'Learns from rewards: the model writes one answer to each question, and what scores better than its value head expected becomes likelier. Every step stays near the base model and near the model that wrote the answers.',
    'proximal policy optimization, RLHF',
  ),
  'value-head': word(
    'Value head',
    ['recipe', 'train'],
    'A small layer on top of the model that PPO trains beside it: before each token it estimates the reward that is still to come. It is kept in checkpoints and left out of saved adapters, because answers do not need it.',
    'critic, value function',
  ),
  gae: word(
    'GAE',
    ['recipe'],
    'How PPO shares the reward of an answer among its tokens: by how much each token turned out better than the value head expected. Lambda says how much rewards are trusted over the value head’s estimates.',
    'generalized advantage estimation',
  ),
  clip: word(
    'Clip',
    ['recipe', 'train'],
    'A limit of GRPO and PPO: once the probability of a token has moved so far from what it was when the answer was written, a step gains nothing by moving it further.',
    'clip range, epsilon',
  ),
  kto: word(
    'KTO',
    ['data', 'recipe'],
    'Learns from single answers that are rated as good or bad (thumbs up or down): good ones become likelier than bad ones, compared with the base model.',
    'Kahneman–Tversky optimization',
  ),
  dropout: word(
    'Dropout',
    ['recipe'],
    'Sets a random share of numbers to 0 in training, so that the model can’t rely on single ones.',
  ),
  ema: word(
    'EMA',
    ['recipe'],
    'Exponential moving average: a second copy of the trained weights that follows them slowly, so that the noise of single steps averages out. It takes as much memory as these weights.',
    'averaged weights',
  ),
  encoder: word(
    'Encoder',
    ['model', 'data'],
    'A model that reads a text as a whole and predicts something about it, such as BERT. It writes no text.',
  ),
  ece: word(
    'Calibration error',
    ['use'],
    'How far the model is from being right as often as it says: the mean distance between how sure it is and the share that is right, over 15 ranges of confidence. Of predictions that are 90 % sure, 9 in 10 should be right.',
    'ECE',
  ),
  'early-stopping': word(
    'Early stopping',
    ['recipe', 'train'],
    'The run ends by itself when several measurements on unseen examples in a row (the patience) bring no improvement. The best checkpoint is kept and used. It saves time and does no harm; a run can be carried on.',
    'patience',
  ),
  epoch: word('Epoch', ['recipe', 'train'], 'One pass over all training examples.', 'pass over the data'),
  feedback: word(
    'Ratings',
    ['use'],
    'What people say of answers: good or bad, which of two is better, or a better answer. KTO learns from good and bad ones, DPO from which is better, and plain training from better answers.',
    'human feedback, preferences',
  ),
  'few-shot': word(
    'Few-shot prompting',
    ['use'],
    'The model is not trained: it reads some examples before the question and imitates them. It costs nothing to try, but every answer reads them again, and only a few fit. If it is as good as the tuned model, training is not needed.',
    'in-context learning',
  ),
  f1: word(
    'F1',
    ['train'],
    'One number for how many of the found examples are right (precision) and how many of the right ones are found (recall). Macro-F1 is its mean over all categories, so that rare ones count as much.',
    'macro-F1, micro-F1',
  ),
  forgetting: word(
    'Forgetting',
    ['use'],
    'A model that learns new examples gets worse at what it could do before. It shows as a loss that rises on old examples or on general text; replay makes it less.',
    'catastrophic forgetting',
  ),
  'full-fine-tuning': word(
    'Full fine-tuning',
    ['recipe'],
    'Changes the weights of the model itself in place of adding an adapter. It needs more memory, and the result is a whole model.',
  ),
  gradient: word(
    'Gradient',
    ['recipe', 'train'],
    'For each trained weight, how the loss changes with it. A step moves the weights against it.',
  ),
  'gradient-norm': word(
    'Gradient norm',
    ['train'],
    'The length of all gradients together. Sudden peaks show that a step was too big; larger ones are scaled down (gradient clipping).',
    'gradient clipping',
  ),
  'held-out': word(
    'Held-out examples',
    ['data', 'recipe', 'train'],
    'Examples that the model is measured on during the run and never learns from. They show whether it learns something general or only memorises, and which checkpoint is the best.',
    'validation set, evaluation set',
  ),
  ia3: word(
    'IA³',
    ['recipe'],
    'A method that trains only a few vectors by which the model’s inner values are multiplied. Its files are the smallest, and it can learn less.',
  ),
  'label-tokens': word(
    'Learnt tokens',
    ['data', 'recipe'],
    'The tokens that the loss counts. In chats these are usually the answers; the questions are only read.',
    'loss mask',
  ),
  leakage: word(
    'Leakage',
    ['data'],
    'Texts that stand both in the training rows and in the rows that measure. The model may have memorised their answers, and the measurement looks better than it is.',
    'data leakage, contamination',
  ),
  'learning-rate': word(
    'Learning rate',
    ['recipe', 'train'],
    'How far each step moves the trained weights. Too high, and the loss jumps; too low, and it hardly falls.',
  ),
  linear: word(
    'Linear layers',
    ['recipe'],
    'The parts of a model that multiply by a matrix of weights: nearly all of its weights. Adapters are put beside them.',
    'projections such as q_proj, down_proj',
  ),
  'mask-key': word(
    'Key of masked data',
    ['data', 'use'],
    'A file with each placeholder of masked personal data and what it stands for. It is made only when you save it, and the page keeps no copy. Who has it can undo the masking.',
    'pseudonymisation',
  ),
  lora: word(
    'LoRA',
    ['recipe', 'use'],
    'Low-rank adaptation: beside each chosen matrix of the model, two small ones are trained, and their product is added. It needs a small part of the memory of full fine-tuning.',
  ),
  loss: word(
    'Loss',
    ['recipe', 'train'],
    'How wrong the predictions of the model are; training makes it smaller. It can be compared only between runs on the same data.',
    'cross-entropy',
  ),
  memorising: word(
    'Memorising',
    ['recipe', 'train'],
    'The model repeats its training examples in place of learning what they have in common: the loss goes on falling, that of held-out examples rises.',
    'overfitting',
  ),
  mixture: word(
    'Mixture',
    ['data', 'train'],
    'Several datasets in one run, for example to teach a new task without losing another (multi-task training). The weight of a dataset says how often one pass has each of its examples: 2 shows each twice, 0.5 shows one half in the first pass and the other half in the second.',
    'mixing data',
  ),
  nats: word(
    'Nats',
    ['train'],
    'The unit of the loss. 0 means that every token was predicted with certainty; with each 0.69 nats more the right token had half the probability.',
  ),
  nf4: word(
    '4 bits, 8 bits',
    ['recipe', 'model'],
    'Weights stored with fewer digits (quantised) take a quarter or half of the memory and cost a little accuracy. NF4 is a 4-bit format made for this; LoRA on top of it is called QLoRA.',
    'quantisation, NF4, QLoRA',
  ),
  'near-duplicate': word(
    'Near-duplicate',
    ['data'],
    'A row whose text is nearly that of another one: four fifths of their pairs of neighbouring words are the same. Many of them make a model repeat itself, and a measurement too good if they are on both sides of the split.',
  ),
  neftune: word(
    'NEFTune',
    ['recipe'],
    'Random noise on the embeddings of the tokens while a model trains, so that it memorises less. Measures and answers have none.',
    'noisy embeddings',
  ),
  objective: word(
    'Objective',
    ['recipe'],
    'What a run makes smaller or larger: what it means to learn from an example.',
    'loss function',
  ),
  'p-value': word(
    'P-value',
    ['data'],
    'How likely a difference at least as large is by chance alone, here by the chi-squared test: below 0.01, chance hardly explains it. It says nothing about the size of the difference: Cramér’s V does, from 0 for none to 1.',
    'chi-squared p-value, Cramér’s V',
  ),
  packing: word(
    'Packing',
    ['recipe'],
    'Several short examples share one row of tokens, so that no place in it is wasted. They don’t see each other.',
  ),
  parameters: word(
    'Parameters',
    ['model', 'recipe'],
    'The numbers that make up a model, its weights. Trainable parameters are those that a run changes.',
    'weights',
  ),
  'p-tuning': word(
    'P-tuning',
    ['recipe'],
    'Prompt tuning whose vectors come from a small network, which is trained in their place. At the end only the vectors that it makes are kept.',
    'prompt encoder',
  ),
  'prefix-tuning': word(
    'Prefix tuning',
    ['recipe'],
    'Trains keys and values that the attention of every layer sees before each text, as if a prompt had been read there. The model itself stays as it is.',
    'prefix, key-value prefix',
  ),
  pissa: word(
    'PiSSA',
    ['recipe'],
    'LoRA whose two small matrices start as the strongest part of each weight (its largest singular values), which is taken out of the weight. What is saved is a plain LoRA adapter of twice the rank for the model as it is.',
    'principal singular values and vectors',
  ),
  preference: word(
    'Preferred and rejected',
    ['data', 'recipe'],
    'Two answers to one question, of which the first is better. Preference objectives learn from the difference.',
    'chosen and rejected',
  ),
  divergence: word(
    'Divergence (KL)',
    ['train'],
    'How far the probabilities of a model are from those of its teacher, or of the model that it started from; 0 means that they are equal.',
    'Kullback–Leibler divergence',
  ),
  error: word(
    'Error (RMSE)',
    ['train'],
    'How far predicted numbers are from the true ones on average, in the unit of the numbers; large errors count more.',
    'root mean squared error',
  ),
  r2: word(
    'R²',
    ['train'],
    'How much of the differences between the numbers the model explains: 1 is all, 0 is no more than their mean.',
  ),
  margin: word(
    'Reward margin',
    ['train'],
    'By how much the model prefers the better answers over the rejected or bad ones. It should grow.',
    'reward accuracy: the share of pairs where it does so',
  ),
  preset: word('Preset', ['recipe'], 'A few settings chosen together: how many steps, and how large the adapter is.'),
  'prompt-tuning': word(
    'Prompt tuning',
    ['recipe'],
    'Trains a few vectors (virtual tokens, a soft prompt) that stand before each text as if they were words. The model itself stays as it is, so the file is tiny; it can learn less than an adapter, and suits big models.',
    'soft prompts, virtual tokens',
  ),
  rank: word(
    'Rank (LoRA)',
    ['recipe'],
    'The size of an adapter: how many independent changes it can make to each matrix. 8 to 32 suits most data.',
    'r',
  ),
  remat: word(
    'Recomputing',
    ['recipe'],
    'To save memory, a run drops some activations and computes them again when it needs them: the same result, a little slower.',
    'rematerialisation, gradient checkpointing',
  ),
  replay: word(
    'Replay',
    ['recipe', 'use'],
    'A run that carries on another one also trains on some of the old examples. Then the model forgets less of them while it learns the new ones.',
    'rehearsal',
  ),
  'reward-model': word(
    'Reward model',
    ['recipe', 'use'],
    'A model that gives a score to an answer, higher for better ones. It writes no text.',
  ),
  safetensors: word('safetensors', ['model', 'use'], 'The file format of model weights on the Hugging Face hub.'),
  schedule: word(
    'Schedule',
    ['recipe'],
    'How the learning rate changes during a run. It usually rises for a few steps (warm-up), then falls to 0.',
    'cosine, linear, warm-up',
  ),
  seed: word('Seed', ['recipe', 'use'], 'The number that all random choices follow from. The same seed gives the same run.'),
  'sequence-length': word(
    'Sequence length',
    ['recipe', 'data'],
    'How many tokens the model reads at once in training. Longer examples are cut; memory grows with it. The longest that a model can read is its context.',
    'context length',
  ),
  step: word('Step', ['recipe', 'train'], 'One change of the trained weights, computed from one batch of examples.'),
  system: word(
    'System message',
    ['use', 'data'],
    'An instruction to an assistant that comes before the conversation, such as its role.',
  ),
  teacher: word(
    'Teacher',
    ['recipe', 'data'],
    'The bigger model that another one, the student, imitates: its probabilities for each token where both have the same tokenizer, else the texts that it writes.',
  ),
  synthetic: word(
    'Synthetic examples',
    ['data'],
    'Examples that a model wrote, not people. They help where few rows are at hand, and repeat the mistakes of the model that wrote them.',
    'generated data, augmentation',
  ),
  temperature: word(
    'Temperature',
    ['recipe', 'use'],
    'How bold a model chooses its words: 0 always takes the likeliest token, 1 follows its probabilities, more makes unlikely ones more frequent.',
  ),
  'temperature-scaling': word(
    'Temperature of a classifier',
    ['use'],
    'A number by which the outputs of a classifier are divided, so that its probabilities are right as often as they say. Above 1 it makes the model less sure. What is predicted does not change; of several labels all have the same temperature.',
    'temperature scaling, calibration',
  ),
  template: word(
    'Chat template',
    ['data', 'use'],
    'How a model wants conversations to be written: the marks for who speaks, and the one that ends an answer.',
  ),
  'test-rows': word(
    'Test rows',
    ['data', 'use'],
    'Rows that neither train the model nor choose its best checkpoint. Nothing reads them until you measure them at the end. They show best how the model does on new data.',
    'test set',
  ),
  token: word(
    'Token',
    ['data', 'recipe', 'train', 'use'],
    'A piece of text that a model reads and writes as one: a word, a part of a word or a sign. A token of English text is about four characters.',
  ),
  tokenizer: word('Tokenizer', ['model', 'data', 'recipe'], 'The part of a model that cuts texts into tokens.'),
  'top-p': word(
    'Top-p',
    ['use'],
    'Of the possible next tokens, only the likeliest ones that together have this probability are chosen from.',
    'nucleus sampling',
  ),
  'weight-decay': word('Weight decay', ['recipe'], 'Pulls weights a little towards 0 in each step, against memorising.'),
} as const satisfies Readonly<Record<string, Word>>;

export type TermId = keyof typeof GLOSSARY;

/** The words in alphabetical order. */
export const WORDS: readonly (Word & { readonly id: TermId })[] = (Object.keys(GLOSSARY) as TermId[])
  .map((id) => ({ id, ...GLOSSARY[id] }))
  .sort((a, b) => a.term.localeCompare(b.term, 'en', { numeric: true }));

/** The words that have each part of `query` in their names or explanations. */
export function wordsFor(query: string): typeof WORDS {
  const parts = query.toLowerCase().split(/\s+/);
  return WORDS.filter(({ term, also = '', text }) => {
    const all = `${term} ${also} ${text}`.toLowerCase();
    return parts.every((part) => all.includes(part));
  });
}
