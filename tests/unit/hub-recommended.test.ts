/** The models that the page recommends, and what it says of models that are not on this device. */

import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/core/errors';
import { countParameters, outlinedModel } from '../../src/model/folder';
import { outlineOf, RECOMMENDED } from '../../src/state/recommended';
import { licenseWords, progressWords, prospectWords } from '../../src/ui/model/prospect';
import type { DownloadProgress, Forecast } from '../../workers/api';

/** Parameters as the models' cards or transformers count them, without poolers and masked-language heads. */
const PARAMETERS: Readonly<Record<string, number>> = {
  'HuggingFaceTB/SmolLM2-135M-Instruct': 134_515_008,
  'HuggingFaceTB/SmolLM2-360M-Instruct': 361_821_120,
  'Qwen/Qwen2.5-0.5B-Instruct': 494_032_768,
  'Qwen/Qwen3-0.6B': 596_049_920,
  'meta-llama/Llama-3.2-1B-Instruct': 1_235_814_400,
  'openai-community/gpt2': 124_439_808,
  'distilbert/distilgpt2': 81_912_576,
  'distilbert/distilbert-base-uncased': 66_362_880,
};

describe('a recommended model', () => {
  it.each(RECOMMENDED.filter(({ id }) => id in PARAMETERS))('$id has the configuration of its size', (one) => {
    const parameters = countParameters(outlinedModel(outlineOf(one)));
    expect(parameters).toBe(PARAMETERS[one.id]);
    expect(one.bytes).toBeGreaterThan(parameters * (one.dtype === 'F32' ? 4 : 2));
  });

  it('of each kind is there, and has an owner', () => {
    expect(new Set(RECOMMENDED.map(({ purpose }) => purpose))).toEqual(new Set(['writes', 'reads']));
    expect(RECOMMENDED.every(({ id }) => /^[\w.-]+\/[\w.-]+$/.test(id))).toBe(true);
    expect(new Set(RECOMMENDED.map(({ id }) => id)).size).toBe(RECOMMENDED.length);
  });
});

describe('the outline of a model', () => {
  const outline = (tensors: Parameters<typeof outlinedModel>[0]['tensors']) => () =>
    outlinedModel({ name: 'someone/small', config: JSON.stringify(RECOMMENDED[0]?.config), tensors });

  it('names the tensors that are missing, or have another type', () => {
    const embedding = { name: 'model.embed_tokens.weight', dtype: 'I8', shape: [49152, 576] };
    expect(outline([])).toThrow(/someone\/small.*model\.embed_tokens\.weight: is missing/);
    expect(outline([embedding])).toThrow(/model\.embed_tokens\.weight: has the type I8; supported are/);
  });

  it('of an unknown family is refused', () => {
    const strange = (): unknown => outlinedModel({ name: 'a/b', config: '{"model_type":"strange"}', tensors: 'F32' });
    expect(strange).toThrow(expect.objectContaining({ code: 'model/unsupported' }) as Error);
  });
});

describe('words', () => {
  const known = { family: 'llama', parameters: 1e6, context: 256, problem: null };
  const forecast = { total: 480e6, seconds: 400 } as Forecast;
  const wasm = { maxBufferBytes: null } as Parameters<typeof prospectWords>[1];

  it.each([
    [true, 'Training needs 480 MB, fits · 5 to 8 min with your data'],
    [false, 'Training needs 480 MB, fits'],
  ])('for a forecast, with data: %s', (hasData, text) => {
    const words = prospectWords({ known: { ...known, forecast }, failure: null }, wasm, hasData);
    expect(words).toEqual({ text, doubtful: false, useless: false });
  });

  it('for a model that can’t be trained, and one that can’t be opened', () => {
    const problem = 'Too large.';
    expect(prospectWords({ known: { ...known, forecast: null, problem }, failure: null }, wasm, true)).toEqual({
      ...{ text: problem, doubtful: true, useless: false },
    });
    const problems = [{ where: 'model_type', message: 'is the unknown family "strange"' }];
    const failure = { code: codeOf(null), message: 'Not supported, with a long list.', problems };
    expect(prospectWords({ known: null, failure }, wasm, true)).toEqual({
      ...{ text: 'Can’t be trained here: model_type is the unknown family "strange".', doubtful: true, useless: true },
    });
  });

  const progress: DownloadProgress = {
    ...{ done: 12.1e6, total: 269e6, rate: 4.2e6, seconds: 61, file: 'model.safetensors', stage: 'loading', reason: null },
  };
  it.each<[Partial<DownloadProgress>, string]>([
    [{}, '12.1 MB of 269 MB, 4.2 MB/s, 60 s left'],
    [{ seconds: 700 }, '12.1 MB of 269 MB, 4.2 MB/s, 12 min left'],
    [{ seconds: 9000 }, '12.1 MB of 269 MB, 4.2 MB/s, 2.5 h left'],
    [{ rate: null, seconds: null }, '12.1 MB of 269 MB'],
    [{ stage: 'checking' }, '12.1 MB of 269 MB, checking model.safetensors'],
  ])('for a download: %o', (change, words) => expect(progressWords({ ...progress, ...change })).toBe(words));

  it('for a download that was paused', () => expect(progressWords(progress, true)).toBe('12.1 MB of 269 MB'));

  it('for licences', () => {
    expect(['apache-2.0', 'llama3.2', 'other', null].map(licenseWords)).toEqual([
      ...['Apache 2.0', 'Llama 3.2 licence', 'other', 'no licence stated'],
    ]);
  });
});
