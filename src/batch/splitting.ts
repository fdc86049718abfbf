/** Splits the examples of one dataset: reads what a split needs of its rows, and compares the texts of the parts, each once. */

import * as v from 'valibot';
import type { Dataset } from '../dataset/dataset';
import { CHARACTER_FIVES, WORD_PAIRS } from '../dataset/clean/shingles';
import { readRowTexts, readsRows, splitExamples, type RowTexts } from '../dataset/split';
import { inputReader } from '../dataset/split/input-text';
import { findLeaks, type Leaks, type Likeness } from '../dataset/split/leaks';
import { PART, type Parts } from '../dataset/split/split';
import { hashOf } from '../dataset/row-hash';
import type { LabelShape } from '../dataset/labelled';
import { DATA_STEP_SCHEMAS, type DataStepSettings, type DataStepSettingsOf } from '../recipe/data-steps';
import { defaultSplit, type SplitSettings } from '../recipe/splits';
import type { EncodedExamples, DatasetSettings } from './encode';
import type { ExampleParts } from './example-parts';

/** The texts of rows that were read, or the leaks of a split, and what they depend on. */
interface Known<T> {
  readonly key: string;
  readonly value: T;
}

/** One for each dataset: another mapping or other data steps make another dataset. */
export class Splitting {
  readonly #dataset: Dataset;
  #texts: Known<RowTexts> | null = null;
  #leaks: Known<Leaks> | null = null;

  constructor(dataset: Dataset) {
    this.#dataset = dataset;
  }

  /** The parts of examples. Texts that leak are removed if the settings say so. Throws data/columns. */
  async of(encoded: EncodedExamples, settings: DatasetSettings): Promise<ExampleParts> {
    const split = await this.counted(encoded, settings);
    if (settings.split?.leaks !== 'remove') return split;
    const { parts } = split;
    const { training } = await this.#find(encoded, parts);
    const leaking = [...parts.keys()].filter(
      (index) => parts[index] === PART.train && training.has(encoded.origins[index] ?? -1),
    );
    return { parts, removed: new Set(leaking) };
  }

  /** The parts before any text is removed: for large data, of which a part is counted. Throws data/columns. */
  async counted(encoded: EncodedExamples, settings: DatasetSettings): Promise<ExampleParts> {
    return { parts: await this.#parts(encoded, settings), removed: new Set() };
  }

  /** The texts that stand in training and in another part, before any is removed. Throws data/columns. */
  async leaks(encoded: EncodedExamples, settings: DatasetSettings): Promise<Leaks> {
    return this.#find(encoded, await this.#parts(encoded, settings));
  }

  async #parts(encoded: EncodedExamples, settings: DatasetSettings): Promise<Parts> {
    const { split = defaultSplit('random'), heldOutRatio, testRatio = 0, seed, encoding } = settings;
    const labels = encoding?.kind === 'labelled' ? encoding.labels : null;
    const texts = readsRows(split) ? await this.#read(encoded.origins, split, labels) : new Map<number, string>();
    const { files } = this.#dataset.parsed;
    return splitExamples({ origins: encoded.origins, lines: encoded.all.lines, files }, texts, split, {
      heldOutRatio,
      testRatio,
      seed,
    });
  }

  /** Of data that are not in memory, no more rows are read than are asked for. */
  async #read(origins: readonly number[], split: SplitSettings, labels: LabelShape | null): Promise<RowTexts> {
    const { table, mapping } = this.#dataset;
    const wanted = table.rows.inMemory ? null : new Set(origins);
    const key = JSON.stringify([split, labels, wanted?.size, wanted === null ? null : origins.at(-1)]);
    if (this.#texts?.key === key) return this.#texts.value;
    const shape = { ...mapping, columns: table.columns, sample: table.sample, labels };
    const value = await readRowTexts(table, shape, split, wanted);
    this.#texts = { key, value };
    return value;
  }

  async #find({ origins }: EncodedExamples, parts: Parts): Promise<Leaks> {
    const key = hashOf(`${origins.join()};${parts.join('')}`);
    if (this.#leaks?.key === key) return this.#leaks.value;
    const { table, mapping, cleaning } = this.#dataset;
    const partOf = new Map(origins.map((origin, index) => [origin, parts[index] ?? PART.train]));
    const likeness = likenessOf(cleaning.dataSteps);
    const value = await findLeaks(table.rows, inputReader(mapping), (origin) => partOf.get(origin), likeness);
    this.#leaks = { key, value };
    return value;
  }
}

type NearDuplicateStep = DataStepSettingsOf<'drop-near-duplicates'>;

const USUAL = v.parse(DATA_STEP_SCHEMAS['drop-near-duplicates'], { kind: 'drop-near-duplicates' });

/** That of the data step that drops near duplicates; its usual one where there is none. */
function likenessOf(steps: readonly DataStepSettings[]): Likeness {
  const isStep = (step: DataStepSettings): step is NearDuplicateStep => step.kind === 'drop-near-duplicates';
  const { similarity, shingles } = steps.find(isStep) ?? USUAL;
  return { threshold: similarity / 100, shingling: shingles === 'words' ? WORD_PAIRS : CHARACTER_FIVES };
}
