/** The file of the data of an earlier run, read, mapped, split and encoded as that run did. */

import type { WorkerClient } from '../client';
import type { DataApi, EncodedDataset, RunView, TokenizerFiles } from '../../workers/api';
import { encodeOptions } from './encode-options';
import { encodingFor, mappingOf } from './test-file';

/**
 * Lets the worker of `client` read the file. Throws the errors of a file that can't be read, `data/columns` when it lacks columns of the
 * run's data, and `data/no-examples` when no row can be used.
 */
export async function readOldFile(
  client: WorkerClient<DataApi>,
  run: Pick<RunView, 'recipe' | 'labels' | 'columns' | 'datasetName'>,
  tokenizer: TokenizerFiles,
  file: File,
): Promise<EncodedDataset> {
  const { dataSteps, seed } = run.recipe;
  const detected = await client.call((api) => api.open(file, { dataSteps, seed }));
  await client.call((api) => api.remap(mappingOf(run, detected), `As in ${run.datasetName}.`));
  await client.call((api) => api.setTokenizer(tokenizer));
  return client.call((api) => api.encode(encodeOptions(run.recipe, encodingFor(run))));
}
