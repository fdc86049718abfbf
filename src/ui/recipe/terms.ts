/** The words of the glossary that explain settings of the recipe. */

import type { TermId } from '../words/glossary';
import type { FormSetting } from './words';

const TERMS: Partial<Readonly<Record<FormSetting, TermId>>> = {
  epochs: 'epoch',
  maxSteps: 'step',
  seed: 'seed',
  replay: 'replay',
  basePrecision: 'nf4',
  activationPrecision: 'activations',
  'method.rank': 'rank',
  'method.alpha': 'alpha',
  'method.dropout': 'dropout',
  'method.targetModules': 'linear',
  'method.variant': 'bottleneck',
  'method.reductionFactor': 'bottleneck',
  'method.adapterDropout': 'dropout',
  'method.virtualTokens': 'prompt-tuning',
  'method.promptStart': 'prompt-tuning',
  'method.encoderSize': 'p-tuning',
  'objective.beta': 'objective',
  'objective.answers': 'grpo',
  'objective.discount': 'gae',
  'objective.lambda': 'gae',
  'objective.valueClip': 'value-head',
  'objective.valueWeight': 'value-head',
  'objective.epsilonLow': 'clip',
  'objective.epsilonHigh': 'clip',
  'objective.sampleTemperature': 'temperature',
  'objective.alpha': 'distillation',
  'objective.temperature': 'temperature',
  learningRate: 'learning-rate',
  schedule: 'schedule',
  warmupRatio: 'schedule',
  sequenceLength: 'sequence-length',
  microBatch: 'batch',
  gradientAccumulation: 'batch',
  order: 'curriculum',
  memoryLimit: 'remat',
  weightDecay: 'weight-decay',
  maxGradNorm: 'gradient-norm',
  ema: 'ema',
  beta1: 'adamw',
  beta2: 'adamw',
  epsilon: 'adamw',
  lossOn: 'label-tokens',
  neftuneAlpha: 'neftune',
  heldOutRatio: 'held-out',
  testRatio: 'test-rows',
  evalEvery: 'held-out',
  monitor: 'early-stopping',
  patience: 'early-stopping',
  minDelta: 'early-stopping',
  saveEvery: 'checkpoint',
};

/** The word that explains a setting; undefined where its help says all. */
export function termOf(setting: FormSetting): TermId | undefined {
  return TERMS[setting];
}
