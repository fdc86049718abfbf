/**
 * The special tokens around a text or a pair of texts. The library's own post-processors give no mask of special tokens, treat an
 * empty second text as none, and have other type ids than RoBERTa's.
 */

import * as v from 'valibot';

/** Special tokens, or the tokens of one of the texts. `type` is the type id (segment embedding) of the tokens. */
export type Piece =
  { readonly text: 'A' | 'B'; readonly type: number } | { readonly tokens: readonly number[]; readonly type: number };

/** What a text alone, and a pair of texts, become. */
export interface InputTemplate {
  readonly single: readonly Piece[];
  readonly pair: readonly Piece[];
}

const special = v.object({ SpecialToken: v.looseObject({ id: v.string(), type_id: v.number() }) });
const sequence = v.object({ Sequence: v.looseObject({ id: v.picklist(['A', 'B']), type_id: v.number() }) });
const pieces = v.array(v.union([special, sequence]));
const token = v.strictTuple([v.string(), v.number()]);

const templateSchema = v.looseObject({
  type: v.literal('TemplateProcessing'),
  single: pieces,
  pair: v.nullish(pieces),
  special_tokens: v.record(v.string(), v.looseObject({ ids: v.array(v.number()) })),
});
const clsSepSchema = v.looseObject({ type: v.picklist(['BertProcessing', 'RobertaProcessing']), cls: token, sep: token });
const byteLevelSchema = v.looseObject({ type: v.literal('ByteLevel') });
const stepSchema = v.variant('type', [templateSchema, clsSepSchema, byteLevelSchema]);
const sequenceSchema = v.looseObject({
  type: v.literal('Sequence'),
  processors: v.pipe(
    v.array(stepSchema),
    v.check((steps) => steps.filter(adds).length <= 1, 'expected one step at most that adds tokens'),
  ),
});

/** The post-processor of tokenizer.json. */
export const postProcessorSchema = v.nullish(v.variant('type', [templateSchema, clsSepSchema, byteLevelSchema, sequenceSchema]));

type Step = v.InferOutput<typeof stepSchema>;

/** True for a step that adds tokens; `ByteLevel` changes offsets only. */
function adds(step: Step): step is Exclude<Step, { type: 'ByteLevel' }> {
  return step.type !== 'ByteLevel';
}

const A = { text: 'A', type: 0 } as const;
const B = { text: 'B', type: 1 } as const;

/** A text alone and the two texts of a pair, one after the other: without special tokens. */
const PLAIN: InputTemplate = { single: [A], pair: [A, B] };

export function readPostProcessor(processor: v.InferOutput<typeof postProcessorSchema>): InputTemplate {
  if (processor == null) return PLAIN;
  const step = (processor.type === 'Sequence' ? processor.processors : [processor]).find(adds);
  if (step === undefined) return PLAIN;
  return step.type === 'TemplateProcessing' ? readTemplate(step) : readClsSep(step);
}

function readTemplate({ single, pair, special_tokens: known }: v.InferOutput<typeof templateSchema>): InputTemplate {
  const read = (piece: v.InferOutput<typeof pieces>[number]): Piece =>
    'Sequence' in piece
      ? { text: piece.Sequence.id, type: piece.Sequence.type_id }
      : { tokens: known[piece.SpecialToken.id]?.ids ?? [], type: piece.SpecialToken.type_id };
  return { single: single.map(read), pair: (pair ?? []).length > 0 ? (pair ?? []).map(read) : PLAIN.pair };
}

/** BERT: `[CLS] A [SEP] B [SEP]`, B and what follows of type 1. RoBERTa: `<s> A </s> </s> B </s>`, all of type 0. */
function readClsSep({ type, cls, sep }: v.InferOutput<typeof clsSepSchema>): InputTemplate {
  const tokens = ([, id]: readonly [string, number], of: number): Piece => ({ tokens: [id], type: of });
  const single = [tokens(cls, 0), A, tokens(sep, 0)];
  if (type === 'BertProcessing') return { single, pair: [...single, B, tokens(sep, 1)] };
  return { single, pair: [...single, tokens(sep, 0), { text: 'B', type: 0 }, tokens(sep, 0)] };
}

/** The template with `bos` before each text and `eos` after it, as Llama's tokenizers have it; `template` if a text alone has them. */
export function withBosEos(template: InputTemplate, bos: readonly number[], eos: readonly number[]): InputTemplate {
  const [before, after] = affixesOf(template);
  if (before.join() === bos.join() && after.join() === eos.join()) return template;
  const around = (text: 'A' | 'B', type: number): Piece[] => [
    { tokens: bos, type },
    { text, type },
    { tokens: eos, type },
  ];
  return { single: around('A', 0), pair: [...around('A', 0), ...around('B', 1)] };
}

/** The special tokens before and after a text alone. */
export function affixesOf({ single }: InputTemplate): [prefix: readonly number[], suffix: readonly number[]] {
  const at = single.findIndex((piece) => 'text' in piece);
  const ids = (some: readonly Piece[]) => some.flatMap((piece) => ('tokens' in piece ? piece.tokens : []));
  return [ids(single.slice(0, at)), ids(single.slice(at + 1))];
}
