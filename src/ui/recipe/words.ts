/**
 * The form of the recipe: the kind of field, the help text and the group of each setting. The table is typed by the recipe's schema,
 * so a setting or an option without words does not compile.
 */

import { SETTING_LABELS } from '../../recipe/labels';
import { isMethodKind, METHOD_SCHEMAS, methodNameOf, type MethodName, type MethodSettings } from '../../recipe/methods';
import { DPO_LOSSES, KTO_LOSSES, OBJECTIVE_SCHEMAS, type ObjectiveKind, type ObjectiveSettings } from '../../recipe/objectives';
import type { Recipe, SettingPath } from '../../recipe/recipe';
import { monitorsOf, type Monitor } from '../../recipe/monitors';
import type { RewardSettings } from '../../recipe/rewards';
import { usualRate } from '../../recipe/usual';
import { isObjectiveKind } from '../../state/objective';
import { heldOutName } from '../charts/held-out';
import { MONITOR_NAMES } from '../charts/metric-names';

/** Groups of the form, in its order. */
export const GROUP_TITLES = {
  length: 'Length of the run',
  base: 'Base model',
  adapter: 'Adapter (LoRA, DoRA)',
  ia3: 'Adapter (IA³)',
  bottleneck: 'Bottleneck adapters',
  prompt: 'Trained prompt',
  full: 'Full fine-tuning',
  preference: 'Preferences and rewards',
  distillation: 'Distillation',
  classes: 'Categories and labels',
  rate: 'Learning rate',
  batches: 'Batches',
  optimizer: 'Optimizer (AdamW)',
  measuring: 'Loss and evaluation',
} as const;

export type GroupId = keyof typeof GROUP_TITLES;

/** One help text, or one for each objective that has the setting. */
type Help = string | Partial<Readonly<Record<ObjectiveKind, string>>>;

interface Words {
  readonly group: GroupId;
  readonly help: Help;
}

interface Plain<K> extends Words {
  readonly kind: K;
}

interface Choice<T extends string> extends Words {
  readonly kind: 'choice';
  /** A label for each value. */
  readonly options: Readonly<Record<T, string>>;
  /** The values that an objective has, where not all have the same. */
  readonly of?: Partial<Readonly<Record<ObjectiveKind, readonly T[]>>>;
  /** Labels that are others with an objective. */
  readonly named?: Partial<Readonly<Record<ObjectiveKind, Partial<Readonly<Record<T, string>>>>>>;
}

/** Names of layers, or a word for a choice by rule. */
interface Modules<T extends string = string> extends Words {
  readonly kind: 'modules';
  readonly rule: T;
  /** The rule in words, after the setting's label. */
  readonly ruleLabel: string;
  /** The names that are chosen at first without the rule. */
  readonly first: 'all' | 'none';
}

/** The entry of a setting whose values are `T`. */
type EntryFor<T> = [T] extends [boolean]
  ? Plain<'switch'>
  : [T] extends [number]
    ? Plain<'number'>
    : [T] extends [string]
      ? string extends T
        ? Plain<'text'>
        : Choice<T>
      : [T] extends [readonly string[]]
        ? Plain<'lines'>
        : [T] extends [Readonly<Record<string, number>>]
          ? Plain<'pairs'>
          : [T] extends [readonly RewardSettings[]]
            ? Plain<'rewards'>
            : Modules<Extract<T, string>>;

export type Entry = Plain<'switch' | 'number' | 'text' | 'lines' | 'pairs' | 'rewards'> | Modules | Choice<string>;

/** The help of the setting `P`: objectives may mean different things by a setting of one name. */
type HelpFor<P> = P extends `objective.${infer K}` ? { readonly [O in KindsWith<K>]: string } : string;

/** The objectives that the page offers and that have the setting `K`. */
type KindsWith<K extends string, O = ObjectiveSettings> = O extends { readonly kind: infer Kind extends string }
  ? K extends keyof O
    ? Kind
    : never
  : never;

/** The settings of an objective that the page offers. */
type ObjectiveSetting<O = ObjectiveSettings> = O extends unknown ? `objective.${Exclude<keyof O & string, 'kind'>}` : never;

/**
 * The settings that the form shows: all but the recipe's version, what the run starts from, those that name the method, the kind of objective, objectives that
 * are not offered, and the data with their steps, the use of the columns, the mixture and the way to split, which the Data stage shows.
 */
export type FormSetting =
  | Exclude<
      SettingPath,
      | 'version'
      | 'init'
      | 'data'
      | 'dataSteps'
      | 'mapping'
      | 'mixture'
      | 'split'
      | 'method.kind'
      | 'method.useDora'
      | 'method.initWeights'
      | `objective.${string}`
      | `split.${string}`
    >
  | ObjectiveSetting;

/** The values of the setting `K` of any of the methods or objectives `M`. */
type ValueOf<M, K extends string> = M extends unknown ? (K extends keyof M ? M[K] : never) : never;

type ValueAt<P extends FormSetting> = P extends `method.${infer K}`
  ? ValueOf<MethodSettings, K>
  : P extends `objective.${infer K}`
    ? ValueOf<ObjectiveSettings, K>
    : P extends keyof Recipe
      ? Recipe[P]
      : never;

const number = <H extends Help>(group: GroupId, help: H) => ({ kind: 'number', group, help }) as const;

/** Each method in words. */
export const METHOD_WORDS = {
  lora: {
    name: 'LoRA',
    use: 'Trains a small adapter beside the model, which stays as it is. Suits most data.',
    file: 'Adapter',
  },
  dora: {
    name: 'DoRA',
    use: 'As LoRA, and trains the size of each row of the adapted weights too. Often better at low ranks.',
    file: 'Adapter',
  },
  pissa: {
    name: 'PiSSA',
    use: 'LoRA that starts as the strongest part of the weights instead of as nothing. Often learns faster. The start takes a minute or more, the file is twice as large.',
    file: 'Adapter',
  },
  olora: {
    name: 'OLoRA',
    use: 'LoRA that starts as an orthogonal part of the weights. Often learns faster, and starts sooner than PiSSA. The file is twice as large.',
    file: 'Adapter',
  },
  ia3: {
    name: 'IA³',
    use: 'Trains a few vectors that scale what layers compute: for little data, or many small adapters. Learns less than LoRA.',
    file: 'Adapter',
  },
  bottleneck: {
    name: 'Bottleneck adapters',
    use: 'Puts small trained networks between the layers. For the adapters library, which has many of them; the files don’t run in Ollama.',
    file: 'Adapter',
  },
  prompt: {
    name: 'Prompt tuning',
    use: 'Trains only a few vectors that the model reads before each text, like a prompt. The smallest files; suits big models, and learns less than LoRA.',
    file: 'Prompt',
  },
  'p-tuning': {
    name: 'P-tuning',
    use: 'As prompt tuning, but a small network makes the vectors while they are trained, which can learn more steadily. The file has the vectors only.',
    file: 'Prompt',
  },
  prefix: {
    name: 'Prefix tuning',
    use: 'Trains what each layer remembers of a prompt that was never written. Learns more than prompt tuning, with a file that is still small.',
    file: 'Prefix',
  },
  full: {
    name: 'Full fine-tuning',
    use: 'Changes the model’s own weights: for much data, or a small model. Takes more memory and a lower learning rate.',
    file: 'Model',
  },
} satisfies { readonly [K in MethodName]: { readonly name: string; readonly use: string; readonly file: string } };

/** Each objective that the page offers, in words. */
export const OBJECTIVE_WORDS = {
  sft: {
    name: 'Write like the examples (next-token prediction)',
    use: 'Learns to write each text of the data word by word; of two answers, the preferred one. A good first run.',
  },
  distil: {
    name: 'Imitate a bigger model (distillation)',
    use: 'Learns from the data and from the predictions of a second model, the teacher.',
  },
  dpo: { name: 'DPO', use: 'Makes preferred answers likelier than rejected ones, and stays near the base model.' },
  classify: { name: 'Categories', use: 'Predicts one of several categories.' },
  'multi-label': { name: 'Labels', use: 'Predicts any number of labels.' },
  regress: { name: 'Numbers', use: 'Predicts numbers.' },
  ipo: { name: 'IPO', use: 'As DPO, with a fixed margin: less prone to memorise few pairs.' },
  simpo: { name: 'SimPO', use: 'As DPO, per token and without the base model: less work, and freer to change the model.' },
  orpo: { name: 'ORPO', use: 'Learns to write the preferred answers and to avoid the rejected ones in one run.' },
  kto: { name: 'KTO', use: 'Learns from single answers that are rated as good or bad, and stays near the base model.' },
  reward: { name: 'Reward model', use: 'Learns to score answers, the preferred ones higher. It writes no text.' },
  grpo: {
    name: 'Learn from rewards (GRPO)',
    use: 'Writes several answers to each prompt, scores them by your rules, and learns from the better ones.',
  },
  ppo: {
    name: 'Learn from rewards (PPO)',
    use: 'Writes one answer to each prompt, and learns from those that score better than a trained estimate expected. GRPO is simpler: take PPO for long answers, or where several answers to a prompt take too long.',
  },
} satisfies { readonly [K in ObjectiveKind]: { readonly name: string; readonly use: string } };

/** A method with its main setting, e.g. `LoRA, rank 16`. */
function methodWords(method: MethodSettings): string {
  const { name } = METHOD_WORDS[methodNameOf(method) ?? method.kind];
  return method.kind === 'lora' ? `${name}, rank ${method.rank}` : name;
}

/** Method and objective; next-token prediction, which is the rule, is not named. E.g. `LoRA, rank 16, DPO`. */
export function jobWords(method: MethodSettings, { kind }: ObjectiveSettings): string {
  const goal = kind === 'sft' ? '' : `, ${OBJECTIVE_WORDS[kind].name}`;
  return `${methodWords(method)}${goal}`;
}

/** The same for both objectives that learn from rewards. */
const ofOwnAnswers = (help: string) => ({ grpo: help, ppo: help });

const HOLDS =
  'How strongly the model is held to the base model: 0.1 is usual; less lets it change more, at the risk of worse text.';

const RATING_WEIGHT =
  'With fewer good than bad answers, raise the weight of the good ones, or the other way round: number × weight of the good ones should be 1 to 1.33 times that of the bad ones.';

const BY_HAND = 'Used with “By hand”, one per line: spam = 4. Those without a line count 1.';

/** The measures that each objective has. */
const MONITORS_OF = Object.fromEntries(
  Object.keys(OBJECTIVE_SCHEMAS)
    .filter(isObjectiveKind)
    .map((kind) => [kind, monitorsOf(kind)]),
) as Readonly<Record<ObjectiveKind, readonly Monitor[]>>;

/** In the order of the form. */
const ENTRIES = {
  epochs: number('length', 'How often each example is used (epochs). 1 to 5 is usual; with more the model starts to memorise.'),
  maxSteps: number('length', '0 sets no limit: the run ends after its passes.'),
  seed: number('length', 'The same seed gives the same run.'),
  replay: number(
    'length',
    'Only for a run that starts from another one: this share of the training examples is taken from that run’s data, so that less of them is forgotten. 0.1 to 0.3 is usual; 0 takes none.',
  ),
  basePrecision: {
    kind: 'choice',
    group: 'base',
    help: 'Fewer bits (quantisation) take less memory and cost a little accuracy.',
    options: { stored: 'As stored (16 bits)', q8: '8 bits', q4: '4 bits (NF4, as QLoRA)' },
  },
  activationPrecision: {
    kind: 'choice',
    group: 'base',
    help: '16 bits take about half the memory of a batch; the loss differs slightly. On the processor they save nothing.',
    options: { f32: '32 bits', f16: '16 bits' },
  },
  'method.rank': number('adapter', 'Size of the adapter. 8 to 32 suits most data; more takes more memory.'),
  'method.alpha': number('adapter', 'Strength of the adapter: it is scaled by alpha ÷ rank.'),
  'method.pissaIterations': number(
    'adapter',
    'Of PiSSA alone: how exactly the strongest part of the weights is found. 4 is usual; 0 finds it in full, which takes longer.',
  ),
  'method.dropout': number('adapter', 'Share of the adapter’s inputs set to 0 at random, against memorising. 0 turns it off.'),
  'method.useRslora': {
    kind: 'switch',
    group: 'adapter',
    help: 'Scales by alpha ÷ √rank, which is more stable at high ranks (rsLoRA).',
  },
  'method.targetModules': {
    kind: 'modules',
    group: 'adapter',
    help: 'Adapters on all linear layers give the best results.',
    rule: 'all-linear',
    ruleLabel: 'all linear',
    first: 'all',
  },
  'method.bias': {
    kind: 'choice',
    group: 'adapter',
    help: 'Biases of the model that are trained beside the adapter. Many models have none.',
    options: { none: 'None', lora_only: 'Of the adapted layers', all: 'All' },
  },
  'method.modulesToSave': {
    kind: 'lines',
    group: 'adapter',
    help: 'One name per line, such as embed_tokens. They are trained whole, which takes more memory and a larger file.',
  },
  'method.loraPlusRatio': number('adapter', 'Learning rate of B divided by that of A. LoRA+ uses about 16; 1 turns it off.'),
  'method.rankPattern': {
    kind: 'pairs',
    group: 'adapter',
    help: 'Other ranks for single layers, one per line: q_proj = 4. Names may be regular expressions.',
  },
  'method.alphaPattern': {
    kind: 'pairs',
    group: 'adapter',
    help: 'Other alphas for single layers, one per line: q_proj = 8. Names may be regular expressions.',
  },
  'method.scaledOutputs': {
    kind: 'modules',
    group: 'ia3',
    help: 'Usual are the keys and values of the attention.',
    rule: 'usual',
    ruleLabel: 'the usual ones',
    first: 'none',
  },
  'method.scaledInputs': {
    kind: 'modules',
    group: 'ia3',
    help: 'Usual is the last layer of the feed-forward network.',
    rule: 'usual',
    ruleLabel: 'the usual ones',
    first: 'none',
  },
  'method.variant': {
    kind: 'choice',
    group: 'bottleneck',
    help: 'One, behind the feed-forward part, is faster. Two, behind attention too, can learn more with twice the parameters.',
    options: { pfeiffer: 'One a layer (Pfeiffer)', houlsby: 'Two a layer (Houlsby)' },
  },
  'method.reductionFactor': number(
    'bottleneck',
    'The model’s width divided by that of the adapters. Less makes the adapters larger: 16 is usual, 4 suits small models.',
  ),
  'method.nonLinearity': {
    kind: 'choice',
    group: 'bottleneck',
    help: 'Usual are ReLU for one adapter in each layer and swish for two.',
    options: {
      ...{ usual: 'The usual one', relu: 'ReLU', swish: 'Swish (SiLU)', gelu: 'GELU', gelu_new: 'GELU, approximated' },
      ...{ tanh: 'tanh', sigmoid: 'Sigmoid' },
    },
  },
  'method.adapterScale': number('bottleneck', 'What the adapters add is multiplied by this. 1 is usual.'),
  'method.adapterDropout': number(
    'bottleneck',
    'Share of the adapters’ outputs set to 0 at random, against memorising. 0 turns it off.',
  ),
  'method.virtualTokens': number(
    'prompt',
    'How many vectors are trained. 10 to 100 is usual. Each example has that many tokens less in a row.',
  ),
  'method.promptStart': {
    kind: 'choice',
    group: 'prompt',
    help: 'What the vectors are before the first step. Embeddings of tokens learn faster than random numbers.',
    options: { vocabulary: 'Tokens drawn at random', text: 'The tokens of a text', random: 'Random numbers' },
  },
  'method.promptText': {
    kind: 'text',
    group: 'prompt',
    help: 'Used with “The tokens of a text”: a sentence that says what the model should do. It is repeated or cut to the number of vectors.',
  },
  'method.encoderSize': number(
    'prompt',
    'Width of the network that makes the vectors. More can learn more. 0: none, the vectors themselves are trained.',
  ),
  'method.train': {
    kind: 'choice',
    group: 'full',
    help: 'Fewer weights take less memory. Biases alone (BitFit) need a model that has biases.',
    options: { all: 'All', biases: 'Biases (BitFit)', 'last-layers': 'Last layers' },
  },
  'method.lastLayers': number('full', 'How many of the last layers are trained, if only these are.'),
  'method.decayVectors': { kind: 'switch', group: 'full', help: 'Usually norms and biases have no weight decay.' },
  'objective.centering': number('preference', {
    reward: 'Keeps the rewards around 0, so that those of different questions are alike. 0 turns it off; 0.01 is usual.',
  }),
  'objective.beta': number('preference', {
    dpo: HOLDS,
    ipo: HOLDS,
    simpo: 'Scale of the rewards: 2 to 2.5 is usual, up to 10 can be better.',
    orpo: 'Weight of the preference beside next-token prediction: 0.1 is usual.',
    grpo: 'How strongly the model is held to the base model: 0 is usual; 0.04 keeps its way of writing longer.',
    ppo: 'How strongly the model is held to the base model, token by token: 0.05 is usual; more changes it less.',
    kto: HOLDS,
  }),
  'objective.loss': {
    kind: 'choice',
    group: 'preference',
    help: {
      dpo: 'How pairs count. Hinge: not at all once the margin is large enough. Robust: for data in which some preferences are wrong.',
      kto: 'KTO compares each answer with how far the model has moved on the whole. APO-zero does not: for answers that are better than the model’s own.',
    },
    options: {
      ...{ sigmoid: 'Sigmoid (as published)', hinge: 'Hinge', robust: 'Robust' },
      ...{ kto: 'KTO', apo_zero_unpaired: 'APO-zero' },
    },
    of: { dpo: DPO_LOSSES, kto: KTO_LOSSES },
  },
  'objective.labelSmoothing': number('preference', {
    dpo: 'Of the loss “Robust”: how many of the preferences are taken to be wrong, 0.1 is one in ten. The other losses do not use it.',
  }),
  'objective.desirableWeight': number('preference', { kto: RATING_WEIGHT }),
  'objective.undesirableWeight': number('preference', { kto: RATING_WEIGHT }),
  'objective.gamma': number('preference', {
    simpo: 'By how much the reward of the preferred answer should be higher. Usual: half of beta or less.',
  }),
  'objective.rewards': {
    kind: 'rewards',
    group: 'preference',
    help: ofOwnAnswers('What an answer gets points for. Each counts by its weight; a negative weight takes points away.'),
  },
  'objective.answers': number('preference', {
    grpo: 'How many answers to one prompt are compared with each other. 4 to 16 is usual: more tell good from bad better, and take longer.',
  }),
  'objective.prompts': number('preference', {
    grpo: 'How many prompts each step answers.',
    ppo: 'How many prompts each step answers, once each. With few of them a step learns from chance.',
  }),
  'objective.answerLength': number(
    'preference',
    ofOwnAnswers('Longest answer in tokens. Longer ones are cut off, so that a rule may not find its end.'),
  ),
  'objective.sampleTemperature': number('preference', {
    grpo: 'Above 1 the answers differ more. With answers that are all alike there is nothing to compare.',
    ppo: 'Above 1 the answers differ more, below 1 they are more alike.',
  }),
  'objective.unbiasedKl': {
    kind: 'switch',
    group: 'preference',
    help: {
      grpo: 'With beta above 0: corrects the divergence from the base for answers that an earlier state of the model wrote.',
    },
  },
  'objective.updates': number('preference', {
    grpo: 'Steps that learn from the same answers before new ones are written. 1 is most stable.',
    ppo: 'Steps that learn from the same answers before new ones are written. 4 is usual: the estimate needs them.',
  }),
  'objective.discount': number('preference', {
    ppo: 'How much of a reward counts for the token before it. 1, the usual value, counts the whole answer.',
  }),
  'objective.lambda': number('preference', {
    ppo: 'How much the rewards are trusted over the estimate: 1 trusts them alone, 0.95 is usual and calmer.',
  }),
  'objective.valueClip': number('preference', {
    ppo: 'How far the estimate may move in the steps with the same answers. 0.2 is usual for rewards around 1.',
  }),
  'objective.valueWeight': number('preference', {
    ppo: 'How much the error of the estimate counts beside the answers. 0.1 is usual.',
  }),
  'objective.epsilonLow': number(
    'preference',
    ofOwnAnswers('How far the probability of a token of a bad answer may fall in these steps (clip). 0.2 is usual.'),
  ),
  'objective.epsilonHigh': number(
    'preference',
    ofOwnAnswers('How far the probability of a token of a good answer may rise in these steps (clip). 0.2 to 0.28 is usual.'),
  ),
  'objective.mean': {
    kind: 'choice',
    group: 'preference',
    help: { grpo: 'What counts alike in a step. “Every answer” lets the tokens of short answers count more.' },
    options: {
      tokens: 'Every token (DAPO)',
      answers: 'Every answer (GRPO)',
      'fixed-length': 'Every token, by the longest length (Dr. GRPO)',
    },
  },
  'objective.scaleRewards': {
    kind: 'choice',
    group: 'preference',
    help: {
      grpo: 'What the difference of an answer’s reward from the mean is divided by: how far rewards spread (standard deviation), or nothing.',
    },
    options: { prompt: 'Spread per prompt', all: 'Spread over all', none: 'Nothing' },
  },
  'objective.alpha': number('distillation', {
    distil: 'How much the answers of the data count; the rest is what the teacher predicts. 0 learns from the teacher alone.',
  }),
  'objective.temperature': number('distillation', {
    distil: 'Above 1 the less likely tokens count more when both models’ predictions are compared. 1 to 4 is usual.',
  }),
  'objective.weighting': {
    kind: 'choice',
    group: 'classes',
    help: {
      classify: 'How much each category counts. “Balanced” lets rare categories count as much as frequent ones.',
      'multi-label': 'How much the rows with a label count. “Balanced” lets them count as much as those without it.',
    },
    options: { none: 'All alike', balanced: 'Balanced', 'by-hand': 'By hand' },
  },
  'objective.weights': {
    kind: 'pairs',
    group: 'classes',
    help: { classify: BY_HAND, 'multi-label': BY_HAND },
  },
  learningRate: number(
    'rate',
    'How far each step changes the trained weights. Too high: the loss jumps. Too low: it hardly falls.',
  ),
  schedule: {
    kind: 'choice',
    group: 'rate',
    help: 'How the learning rate falls during the run, after the warm-up.',
    options: { cosine: 'Cosine: slow, fast, slow', linear: 'Linear: evenly to 0', constant: 'Constant' },
  },
  'method.layerDecay': number('rate', 'Each layer learns at this share of the rate of the layer above it. 1: all the same.'),
  warmupRatio: number('rate', 'Share of the steps in which the learning rate rises from 0.'),
  sequenceLength: number('batches', 'Tokens per row. Longer examples are cut; short ones are packed together.'),
  microBatch: number('batches', 'Rows that the model reads together. More is faster and takes more memory.'),
  gradientAccumulation: number(
    'batches',
    'How many batches of rows make one step: more learn from more examples at a time, without more memory.',
  ),
  order: {
    kind: 'choice',
    group: 'batches',
    help: '“Short ones first” and “Easy ones first”: the first pass goes from short examples to long ones, or from those that the base predicts well to those that it does not, which may help a small model. To find the easy ones the base reads all examples once before the first step. A run of less than one pass never reaches the others.',
    options: { shuffled: 'Shuffled', 'short-first': 'Short ones first', 'easy-first': 'Easy ones first' },
  },
  memoryLimit: number(
    'batches',
    'In GB. A run that needs more computes some values twice: same result, slower. 0 uses what the device is known to provide.',
  ),
  weightDecay: number('optimizer', 'Pulls the adapter’s weights towards 0. 0 to 0.1 is usual.'),
  maxGradNorm: number('optimizer', 'Gradients with a larger norm are scaled down to it. 0 turns it off.'),
  ema: number(
    'optimizer',
    'Keeps a running average of the trained weights, which is smoother than the last step: it is what is measured, answers and is saved. 0.99 averages over about 100 steps; keep that well below the steps of the run. 0 turns it off.',
  ),
  beta1: number('optimizer', 'Decay of the mean of the gradients.'),
  beta2: number('optimizer', 'Decay of the mean of the squared gradients.'),
  epsilon: number('optimizer', 'Added to the divisor, so that it is never 0.'),
  lossOn: {
    kind: 'choice',
    group: 'measuring',
    help: 'The tokens that the loss counts. “Answers only” suits chats; plain text is always learnt whole.',
    options: { assistant: 'Answers only', all: 'Every token' },
  },
  neftuneAlpha: number(
    'measuring',
    'Random noise on the embeddings of the tokens in training, against memorising: often longer, better answers after chats. 5 to 15 is usual, 0 turns it off.',
  ),
  heldOutRatio: number('measuring', 'Share of the rows that measure the run and are not trained on. 0.1 is one in ten.'),
  testRatio: number(
    'measuring',
    'Share of the rows that nothing reads before you measure them at the end: the most honest figure. 0: none.',
  ),
  evalEvery: number('measuring', 'Steps from one measurement on the held-out examples to the next. 0: about ten times per run.'),
  monitor: {
    kind: 'choice',
    group: 'measuring',
    help: 'What the best checkpoint is chosen by, and what has to improve for the run to go on.',
    options: MONITOR_NAMES,
    of: MONITORS_OF,
    named: { grpo: { loss: heldOutName('grpo') }, ppo: { loss: heldOutName('ppo') } },
  },
  patience: number(
    'measuring',
    'The run ends when so many measurements in a row bring no improvement; 5 leaves a healthy run room. 0: it never ends early. Runs of less than 30 steps never do.',
  ),
  minDelta: number(
    'measuring',
    'A smaller gain does not count as an improvement, in the unit of what the run is judged by. 0: any counts.',
  ),
  saveEvery: number('measuring', 'Steps from one saved state (checkpoint) to the next. 0: after each measurement.'),
  sampleEvery: number('measuring', 'Steps from one set of sample answers to the next. 0: after each measurement.'),
  samplePrompts: {
    kind: 'lines',
    group: 'measuring',
    help: 'One per line, up to eight. Empty: prompts of the held-out examples.',
  },
} satisfies { readonly [P in FormSetting]: EntryFor<ValueAt<P>> & { readonly help: HelpFor<P> } };

const MAIN: readonly FormSetting[] = ['epochs', 'learningRate', 'method.rank', 'sequenceLength'];

const SETTINGS = Object.keys(ENTRIES) as FormSetting[];

/** The kinds of method and objective of a draft, valid or not. */
export interface Kinds {
  readonly method: unknown;
  readonly objective: unknown;
}

/** Whether a recipe of these kinds has the setting. */
function isOf({ method, objective }: Kinds, setting: string): boolean {
  const [group, name] = setting.split('.');
  if (name === undefined) return true;
  if (group === 'method') return isMethodKind(method) && Object.hasOwn(METHOD_SCHEMAS[method].entries, name);
  return isObjectiveKind(objective) && Object.hasOwn(OBJECTIVE_SCHEMAS[objective].entries, name);
}

/** The settings whose fields a tab of the stage shows; that of all settings shows every one. */
export function shownIn(tab: string, kinds: Kinds): readonly FormSetting[] {
  if (tab === 'main') return MAIN.filter((setting) => isOf(kinds, setting));
  return tab === 'objective' ? SETTINGS.filter((setting) => setting.startsWith('objective.') && isOf(kinds, setting)) : [];
}

/** The settings of a group, in the order of the form. */
export function settingsIn(group: GroupId, kinds: Kinds): readonly FormSetting[] {
  return SETTINGS.filter((setting) => ENTRIES[setting].group === group && isOf(kinds, setting));
}

/** The settings that are changed, of those that a recipe of these kinds has. */
export function changedSettings(kinds: Kinds, isChanged: (setting: FormSetting) => boolean): readonly FormSetting[] {
  return SETTINGS.filter((setting) => isOf(kinds, setting) && isChanged(setting));
}

/** The id of the field of a setting, in the list of all settings or before it. */
export function fieldId(setting: string, place: 'main' | 'all'): string {
  return `setting-${setting.replace('.', '-')}${place === 'all' ? '-all' : ''}`;
}

/** All settings of the form in a recipe of these kinds, in its order. */
export function allSettings(kinds: Kinds): readonly FormSetting[] {
  return SETTINGS.filter((setting) => isOf(kinds, setting));
}

export function entryOf(setting: FormSetting): Entry {
  return ENTRIES[setting];
}

/** The values of a choice in a recipe of these kinds, with their labels. */
export function optionsOf(
  { options, of, named }: Choice<string>,
  { objective }: Kinds,
): { readonly value: string; readonly label: string }[] {
  const own = isObjectiveKind(objective) ? of?.[objective] : undefined;
  const other = isObjectiveKind(objective) ? named?.[objective] : undefined;
  const all = Object.entries(options).map(([value, label]) => ({ value, label: other?.[value] ?? label }));
  return own === undefined ? all : all.filter(({ value }) => own.includes(value));
}

/** The help text of a setting in a recipe of these kinds. */
export function helpOf(setting: FormSetting, { method, objective }: Kinds): string {
  const { help }: { readonly help: Help } = ENTRIES[setting];
  if (setting === 'learningRate') return `${ENTRIES.learningRate.help} ${rateWords(method, objective)}`;
  if (typeof help === 'string') return help;
  return (isObjectiveKind(objective) ? help[objective] : undefined) ?? '';
}

function rateWords(method: unknown, objective: unknown): string {
  if (!isMethodKind(method) || !isObjectiveKind(objective)) return '';
  return `Usual for this method and objective: ${usualRate({ method, objective }).toExponential()}.`;
}

export function labelOf(setting: FormSetting): string {
  return SETTING_LABELS[setting];
}

/** Whether the form of a recipe of these kinds has a field for `where`, the place of a problem. */
export function isFormSetting(kinds: Kinds, where: string): where is FormSetting {
  return Object.hasOwn(ENTRIES, where) && isOf(kinds, where);
}
