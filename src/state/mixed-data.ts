/** Data that are mixed into the open ones: read as the mixture of the recipe says, split and encoded as the open ones are. */

import type { Remote } from 'comlink';
import type { KeepApi, DataApi, DatasetView, EncodeOptions, TokenizerFiles } from '../../workers/api';
import type { WorkerClient } from '../client';
import { mappingAt } from '../recipe/mapping';
import type { MixedData } from '../recipe/mixture';
import type { ObjectiveKind } from '../recipe/objectives';
import { guessedMapping } from './test-file';

/** What reading them depends on besides themselves. */
export interface MixedReading {
  readonly tokenizer: TokenizerFiles;
  /** Of the open data. */
  readonly options: EncodeOptions;
  readonly objective: ObjectiveKind;
  /** The classes or labels of the open data, by index; none for other objectives. */
  readonly labels: readonly string[];
}

/** The options for data that are mixed in: their own data steps, and the labels of the open data in their order. */
export function mixedOptions({ options, labels }: MixedReading, { dataSteps }: MixedData): EncodeOptions {
  const { encoding } = options;
  const named = encoding?.kind === 'labelled' && labels.length > 0 && { encoding: { ...encoding, names: labels } };
  return { ...options, dataSteps, ...named };
}

/**
 * Lets the worker of `client` read kept data, and asks it about them. Throws `store/corrupt` when they are no longer kept, `data/columns`
 * when they can't serve the objective, and the errors of the question.
 */
export async function askMixed<T>(
  client: WorkerClient<DataApi>,
  keeper: WorkerClient<KeepApi>,
  data: MixedData,
  reading: MixedReading,
  question: (api: Remote<DataApi>, options: EncodeOptions) => Promise<T>,
): Promise<{ readonly view: DatasetView; readonly answer: T }> {
  const { hash, dataSteps, mapping, name } = data;
  const files = await keeper.ask((api) => api.open(hash));
  const detected = await client.call((api) => api.open(files, { dataSteps, seed: reading.options.seed }));
  const columns = detected.columns.map((column) => column.name);
  const used = mapping === null ? guessedMapping(reading.objective, { ...detected, name }) : mappingAt(mapping, columns);
  const view = await client.call((api) => api.remap(used, 'As the mixture says.'));
  await client.call((api) => api.setTokenizer(reading.tokenizer));
  return { view, answer: await client.call((api) => question(api, mixedOptions(reading, data))) };
}
