/** Caches a model in a worker, where files are written with access handles. */

import { openModelCache } from '../../src/model/cache';
import { codeOf } from '../../src/core/errors';
import { smallModel } from './model-files';

self.onmessage = async ({ data }: MessageEvent<{ root: string; seed: number }>) => {
  const folder = await smallModel(data.seed);
  const result = await openModelCache(data.root)
    .put(folder)
    .then(() => 'done', codeOf);
  self.postMessage({ result, id: folder.id });
};
