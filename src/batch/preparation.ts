/** What the data worker does: holds one dataset and one tokenizer, and encodes the one with the other when asked. */

import { MAX_BYTES, tooLarge } from '../dataset/bytes';
import { CodedError, internal } from '../core/errors';
import { openDataset, remapDataset, viewDataset, type Dataset } from '../dataset/dataset';
import type { DatasetView, Mapping } from '../dataset/types';
import { previewExample } from '../tokenizer/encode';
import { TextTokenizer } from '../tokenizer/tokenizer';
import type { ExamplePreview, TokenizerFiles } from '../tokenizer/types';
import {
  cutExamples,
  encodeExamples,
  measureDataset,
  splitDataset,
  type DatasetSettings,
  type EncodedExamples,
  type WholeExamples,
} from './encode';
import type { EncodedDataset, EncodedStats } from './types';

export class Preparation {
  #dataset: Dataset | null = null;
  #tokenizer: TextTokenizer | null = null;
  /** The newest encoding: another sequence length or split only cuts it anew. */
  #whole: { readonly lossOn: DatasetSettings['lossOn']; readonly examples: WholeExamples } | null = null;

  /** Throws data/empty, data/binary, data/parse, data/columns, data/no-examples; the dataset held before is kept then. */
  async open(file: File): Promise<DatasetView> {
    if (file.size > MAX_BYTES) throw tooLarge(file.size);
    this.#hold(await openDataset(file.name, new Uint8Array(await file.arrayBuffer())));
    return viewDataset(this.#held());
  }

  remap(mapping: Mapping): Promise<DatasetView> {
    return promised(() => {
      this.#hold(remapDataset(this.#held(), mapping));
      return viewDataset(this.#held());
    });
  }

  close(): Promise<void> {
    return promised(() => void (this.#dataset = this.#whole = null));
  }

  /** Throws model/tokenizer. */
  setTokenizer(files: TokenizerFiles): Promise<void> {
    return promised(() => {
      this.#tokenizer = new TextTokenizer(files);
      this.#whole = null;
    });
  }

  /** Throws data/no-examples for an example that can't be trained on, with the reason. */
  preview(index: number, settings: DatasetSettings): Promise<ExamplePreview> {
    return promised(() => {
      const { examples } = this.#held();
      const example = examples[index];
      if (example === undefined) throw internal(`example ${index} of ${examples.length} was asked for`);
      const preview = previewExample(this.#tokens(), example, settings);
      if ('dropped' in preview)
        throw new CodedError('data/no-examples', `Line ${example.line} can't be shown. ${preview.dropped}`);
      return preview;
    });
  }

  measure(settings: DatasetSettings): Promise<EncodedStats> {
    return promised(() => measureDataset(this.#encode(settings), settings));
  }

  /** Throws data/no-examples when nothing is left to train on. */
  async encode(settings: DatasetSettings): Promise<EncodedDataset> {
    const encoded = this.#encode(settings);
    if (encoded.stats.examples === 0) throw nothingLeft(this.#held(), encoded.stats);
    return splitDataset(encoded, settings);
  }

  #encode({ sequenceLength, lossOn }: DatasetSettings): EncodedExamples {
    if (this.#whole?.lossOn !== lossOn) {
      this.#whole = { lossOn, examples: encodeExamples(this.#tokens(), this.#held().examples, lossOn) };
    }
    return cutExamples(this.#whole.examples, sequenceLength);
  }

  #hold(dataset: Dataset): void {
    this.#dataset = dataset;
    this.#whole = null;
  }

  #held(): Dataset {
    if (this.#dataset === null) throw internal('no dataset is open');
    return this.#dataset;
  }

  #tokens(): TextTokenizer {
    if (this.#tokenizer === null) throw internal('no tokenizer is set');
    return this.#tokenizer;
  }
}

/** The result of `work`, or its error, as a promise. */
function promised<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}

function nothingLeft(dataset: Dataset, stats: EncodedExamples['stats']): CodedError {
  const problems = [...stats.dropped, ...dataset.problems]
    .slice(0, 20)
    .map((p) => ({ where: `line ${p.line}`, message: p.message }));
  const [first] = problems;
  const why = first === undefined ? dataset.reason : `For example ${first.where}: ${first.message}`;
  return new CodedError('data/no-examples', `No row of ${dataset.name} can be trained on. ${why}`, problems);
}
