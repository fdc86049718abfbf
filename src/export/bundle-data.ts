/** The examples of a bundle, as lines of JSON: tokens for the program, and the text for people. */

import { internal } from '../core/errors';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import type { TaskKind } from '../recipe/tasks';
import type { TrainerKind } from './bundle-script';
import type { SplitDocument, SplitExample } from './types';

type Row = Readonly<Record<string, unknown>>;

/** A token that the loss does not count. */
const IGNORED = -100;

const ROWS: Readonly<Record<TrainerKind, (example: SplitExample, tokenizer: TextTokenizer, task: TaskKind | null) => Row>> = {
  sft({ documents }, tokenizer) {
    const { ids, trained } = first(documents);
    return {
      text: textOf(tokenizer, ids),
      input_ids: [...ids],
      labels: [...ids].map((id, i) => (trained[i] === 1 ? id : IGNORED)),
    };
  },

  classifier({ documents, target }, tokenizer, task) {
    const { ids, types } = first(documents);
    const labels = task === 'class' ? (target[0] ?? 0) : target;
    const segments = types === undefined ? {} : { token_type_ids: [...types] };
    return { text: textOf(tokenizer, ids), input_ids: [...ids], ...segments, labels };
  },

  dpo({ documents }, tokenizer) {
    const [chosen, rejected] = both(documents);
    const prompt = chosen.ids.subarray(0, chosen.trained.indexOf(1));
    const answers = { chosen: answerOf(chosen), rejected: answerOf(rejected) };
    const { chosen: a, rejected: b } = answers;
    const texts = { prompt: textOf(tokenizer, prompt), chosen: textOf(tokenizer, a), rejected: textOf(tokenizer, b) };
    return { ...texts, prompt_ids: [...prompt], chosen_ids: [...a], rejected_ids: [...b] };
  },

  reward({ documents, target: [margin] }, tokenizer) {
    const [chosen, rejected] = both(documents);
    const texts = { chosen: textOf(tokenizer, chosen.ids), rejected: textOf(tokenizer, rejected.ids) };
    const ids = { chosen_ids: [...chosen.ids], rejected_ids: [...rejected.ids] };
    return { ...texts, ...ids, ...(margin !== undefined && { margin }) };
  },
};

/** A line for each example. */
export function* dataLines(
  examples: Iterable<SplitExample>,
  kind: TrainerKind,
  tokenizer: TextTokenizer,
  task: TaskKind | null,
): Generator<string> {
  for (const example of examples) yield JSON.stringify({ line: example.line, ...ROWS[kind](example, tokenizer, task) });
}

const textOf = (tokenizer: TextTokenizer, ids: Int32Array) => tokenizer.decode([...ids], { skipSpecial: false });

const answerOf = ({ ids, trained }: SplitDocument) => ids.subarray(trained.indexOf(1));

function first([document]: readonly SplitDocument[]): SplitDocument {
  if (document === undefined) throw internal('an example without a text');
  return document;
}

function both([chosen, rejected]: readonly SplitDocument[]): readonly [SplitDocument, SplitDocument] {
  if (chosen === undefined || rejected === undefined) throw internal('a pair without two answers');
  return [chosen, rejected];
}
