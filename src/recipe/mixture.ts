/** The datasets that a run is trained on beside the open one, with their weights. */

import * as v from 'valibot';
import { readDataSteps, type DataStepSettings } from './data-steps';
import { readMapping, type NamedMapping } from './mapping';
import { isFields } from './migrations';

/** A dataset that is mixed in. Its seed, split and loss mask are those of the recipe. */
export interface MixedData {
  readonly name: string;
  /** SHA-256 of its content, hex, by which the browser keeps it. */
  readonly hash: string;
  /** How often an epoch has each of its training examples, on average. */
  readonly weight: number;
  /** How its columns are used; null: as they suggest. */
  readonly mapping: NamedMapping | null;
  readonly dataSteps: readonly DataStepSettings[];
}

export interface Mixture {
  /** Of the data that are open. */
  readonly weight: number;
  /** At least one. */
  readonly others: readonly MixedData[];
}

/** The bounds of a weight. */
export const WEIGHTS = { least: 0.01, most: 100 } as const;

/** The most datasets that are mixed in. */
export const MOST_MIXED = 8;

const EXAMPLE = '{"weight": 1, "others": [{"name": "faq.csv", "hash": "…", "weight": 2, …}]}';

/** Null: a run is trained on the open data alone. */
export const mixtureSchema = v.custom<Mixture | null>(
  (value) => value === null || isMixture(value),
  `null, or 1 to ${MOST_MIXED} others, weights from ${WEIGHTS.least} to ${WEIGHTS.most}: ${EXAMPLE}`,
);

function isMixture(value: unknown): value is Mixture {
  if (!isFields(value)) return false;
  const { weight, others, ...more } = value;
  if (!isWeight(weight) || !Array.isArray(others) || Object.keys(more).length > 0) return false;
  const hashes = new Set(others.map((one: unknown) => (isFields(one) ? one['hash'] : null)));
  return others.length > 0 && others.length <= MOST_MIXED && others.every(isMixedData) && hashes.size === others.length;
}

function isMixedData(value: unknown): value is MixedData {
  if (!isFields(value)) return false;
  const { name, hash, weight, mapping, dataSteps, ...more } = value;
  const named = typeof name === 'string' && typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash);
  const used = (mapping === null || readMapping(mapping) !== null) && readDataSteps(dataSteps) !== null;
  return named && used && isWeight(weight) && Object.keys(more).length === 0;
}

function isWeight(weight: unknown): weight is number {
  return typeof weight === 'number' && weight >= WEIGHTS.least && weight <= WEIGHTS.most;
}

/** The mixture of a draft; null where it has none, or one with a problem. */
export function readMixture(mixture: unknown): Mixture | null {
  return isMixture(mixture) ? mixture : null;
}
