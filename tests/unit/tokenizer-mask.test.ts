// The loss mask: the assistant's answers and their end-of-turn tokens, with the same ids that generation gives.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import type { Message } from '../../src/dataset/types';
import { encodeExample, type EncodedExample } from '../../src/encoding/example';
import { previewExample } from '../../src/encoding/preview';
import { encodePrompt } from '../../src/tokenizer/encode';
import { TextTokenizer } from '../../src/tokenizer/tokenizer';
import { filesOf, LOSSLESS_NAMES, needTokenizer, starterWith, tokenizerOf } from './tokenizer-files';

const SETTINGS = { sequenceLength: 4096, lossOn: 'assistant' } as const;
const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });

function encode(
  tokenizer: TextTokenizer,
  messages: readonly Message[],
  settings: Parameters<typeof encodeExample>[2] = SETTINGS,
): EncodedExample {
  const encoded = encodeExample(tokenizer, { kind: 'chat', line: 1, messages }, settings);
  if ('dropped' in encoded) throw new Error(encoded.dropped);
  return encoded;
}

/** The runs of trained tokens, as text. */
function trainedTexts(tokenizer: TextTokenizer, { ids, trained }: EncodedExample): string[] {
  const runs: number[][] = [];
  ids.forEach((id, i) => {
    if (trained[i] !== 1) return;
    if (trained[i - 1] !== 1) runs.push([]);
    runs.at(-1)?.push(id);
  });
  return runs.map((run) => tokenizer.decode(run, { skipSpecial: false }));
}

const message = fc.string({
  unit: fc.constantFrom('a', 'Be', ' ', '\n', '.', 'é', '🙂', '2', '-', '"'),
  minLength: 1,
  maxLength: 12,
});
const conversation = fc.array(fc.tuple(message, message), { minLength: 1, maxLength: 3 });

describe('the starter', () => {
  const tokenizer = tokenizerOf('starter');

  it('trains each answer and its <|im_end|> only', () => {
    const encoded = encode(tokenizer, [user('Hi'), assistant('Hello.'), user('And?'), assistant('Bye! 🙂')]);
    expect(trainedTexts(tokenizer, encoded)).toEqual(['Hello.<|im_end|>', 'Bye! 🙂<|im_end|>']);
    expect(encoded.ids.at(-1)).toBe(2);
  });

  it('trains all but the first token with lossOn all', () => {
    const { trained } = encode(tokenizer, [user('Hi'), assistant('Hello.')], { ...SETTINGS, lossOn: 'all' });
    expect([...new Set(trained.slice(1))]).toEqual([1]);
    expect(trained[0]).toBe(0);
  });

  it('appends the end token to a text, and trains all but the first token', () => {
    const encoded = encodeExample(tokenizer, { kind: 'text', line: 1, text: 'Once upon' }, SETTINGS);
    const ids = tokenizer.encode('Once upon');
    expect(encoded).toEqual({ ids: [...ids, 2], trained: [0, ...ids.slice(1).map(() => 1), 1], truncated: 0 });
  });

  it('truncates long examples, and drops those without a token of the answer', () => {
    const messages = [user('one two three four five six'), assistant('seven eight nine')];
    const whole = encode(tokenizer, messages);
    const first = whole.trained.indexOf(1);
    const cut = encode(tokenizer, messages, { ...SETTINGS, sequenceLength: first + 2 });
    expect(cut).toEqual({
      ids: whole.ids.slice(0, first + 2),
      trained: whole.trained.slice(0, first + 2),
      truncated: whole.ids.length - first - 2,
    });
    const dropped = encodeExample(tokenizer, { kind: 'chat', line: 1, messages }, { ...SETTINGS, sequenceLength: first });
    expect(dropped).toEqual({ dropped: expect.stringContaining(`The prompt alone has ${first} tokens`) as string });
    expect(dropped).toEqual({ dropped: expect.stringContaining(`by ${whole.ids.length - first}`) as string });
  });

  it('previews an example token by token', () => {
    const example = { kind: 'chat', line: 7, messages: [user('Hi'), assistant('🙂')] } as const;
    const preview = previewExample(tokenizer, 'chat', example, { lossOn: 'assistant' }, 256);
    if ('dropped' in preview) throw new Error(preview.dropped);
    expect(preview.line).toBe(7);
    expect([preview.documents.length, preview.target, preview.truncated]).toEqual([1, null, 0]);
    const [tokens = []] = preview.documents;
    const text = tokens.map((token) => token.text).join('');
    expect(text.replaceAll('\ufffd', '')).toBe('<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n🙂<|im_end|>');
    expect(tokens.at(-1)).toEqual({ id: 2, text: '<|im_end|>', use: 'trained' });
  });

  it('previews what is cut off: the whole text is there, and the marks say what remains', () => {
    const example = { kind: 'chat', line: 1, messages: [user('Hi'), assistant('one two three four')] } as const;
    const shown = (length: number) => {
      const preview = previewExample(tokenizer, 'chat', example, { lossOn: 'assistant' }, length);
      if ('dropped' in preview) throw new Error(preview.dropped);
      const [tokens = []] = preview.documents;
      return { ...preview, tokens };
    };
    const whole = shown(256);
    const first = whole.tokens.findIndex(({ use }) => use === 'trained');
    const cut = shown(first + 2);
    expect(cut.tokens.map(({ id }) => id)).toEqual(whole.tokens.map(({ id }) => id));
    expect(cut.tokens.map(({ use }) => use)).toEqual(whole.tokens.map(({ use }, i) => (i < first + 2 ? use : 'cut')));
    expect([cut.truncated, cut.truncatedTrained]).toEqual([whole.tokens.length - first - 2, whole.tokens.length - first - 2]);
  });
});

describe.each(LOSSLESS_NAMES)('%s', { timeout: 30_000 }, (name) => {
  it('gives the same ids in training and generation: prompt, answer, stop token', (context) => {
    const tokenizer = needTokenizer(context, name);
    const property = fc.property(conversation, (turns) => {
      const messages = turns.flatMap(([question, answer]) => [user(question), assistant(answer)]);
      const { ids, trained } = encode(tokenizer, messages);
      let from = 0;
      turns.forEach((_, turn) => {
        const prompt = encodePrompt(tokenizer, { messages: messages.slice(0, 2 * turn + 1) });
        const start = trained.indexOf(1, from);
        expect(ids.slice(0, start)).toEqual(prompt);
        const gap = trained.indexOf(0, start);
        from = gap < 0 ? ids.length : gap;
        expect(tokenizer.stopIds).toContain(ids[from - 1]);
      });
      expect(from).toBe(ids.length);
    });
    fc.assert(property, { numRuns: 100 });
  });

  it('decodes the trained tokens to the answer', (context) => {
    const tokenizer = needTokenizer(context, name);
    const property = fc.property(message, (answer) => {
      const [trained = ''] = trainedTexts(tokenizer, encode(tokenizer, [user('q'), assistant(answer)]));
      const end = tokenizer.stopTexts.find((stop) => trained.endsWith(stop)) ?? '';
      expect(trained.slice(0, trained.length - end.length).trim()).toBe(answer.trim());
      expect(end).not.toBe('');
    });
    fc.assert(property, { numRuns: 100 });
  });
});

describe('other templates', () => {
  const turns = [user('Hi'), assistant(' Hello. '), user('And?'), assistant('Bye.')];

  it('may trim messages', () => {
    const tokenizer = starterWith({
      chat_template:
        '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}',
    });
    expect(trainedTexts(tokenizer, encode(tokenizer, turns))).toEqual(['Hello.<|im_end|>', 'Bye.<|im_end|>']);
  });

  it('may drop the thoughts of earlier answers: what is left of them is trained', () => {
    const template =
      "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}<think></think>{% endif %}" +
      '{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}';
    const tokenizer = starterWith({}, template);
    expect(trainedTexts(tokenizer, encode(tokenizer, turns))).toEqual([' Hello. <|im_end|>', '<think></think>Bye.<|im_end|>']);
  });

  it('may open reasoning in the prompt of generation: it is closed before an answer without any', () => {
    const template =
      '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}' +
      '{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}';
    const tokenizer = starterWith({}, template);
    const { ids, trained } = encode(tokenizer, [user('Hi'), assistant('Hello.')]);
    expect(ids.slice(0, trained.indexOf(1))).toEqual(encodePrompt(tokenizer, { messages: [user('Hi')] }));
    expect(trainedTexts(tokenizer, { ids, trained, truncated: 0 })).toEqual(['\n</think>\n\nHello.<|im_end|>']);
  });

  it('may have no end-of-turn token: the end token is appended to the last answer', () => {
    const tokenizer = starterWith(
      {},
      '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}',
    );
    const { ids } = encode(tokenizer, turns);
    expect(ids.at(-1)).toBe(tokenizer.eosId);
  });

  it('may end turns with a token other than eos_token: it stops generation too', () => {
    const tokenizer = starterWith({ eos_token: '<|endoftext|>' });
    expect(tokenizer.stopIds).toEqual([0, 2]);
    expect(trainedTexts(tokenizer, encode(tokenizer, [user('q'), assistant('a')]))).toEqual(['a<|im_end|>']);
  });

  it('may raise an error: the example is dropped with it', () => {
    const tokenizer = starterWith(
      {},
      "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}x",
    );
    const messages: Message[] = [{ role: 'system', content: 's' }, user('q'), assistant('a')];
    const encoded = encodeExample(tokenizer, { kind: 'chat', line: 1, messages }, SETTINGS);
    expect(encoded).toEqual({ dropped: 'The chat template refuses this conversation: System role not supported' });
  });

  it('may print the date, which is fixed', () => {
    const tokenizer = starterWith({}, "{{ strftime_now('%d %b %Y') }}");
    expect(tokenizer.chat.render([user('q')], false)).toBe('26 Jul 2024');
  });

  it('may be several: default is used, unless there is a chat_template.jinja', () => {
    const named = {
      chat_template: [
        { name: 'tools', template: 'T' },
        { name: 'default', template: 'D' },
      ],
    };
    expect(starterWith(named).chat.source).toBe('D');
    expect(starterWith(named, 'J').chat.source).toBe('J');
  });

  it('are replaced by the built-in one when the model has none', () => {
    const tokenizer = starterWith({ chat_template: null });
    expect(tokenizer.chat.builtIn).toBe(true);
    expect(tokenizer.chat.render([user('Hi'), assistant('Hello.')], false)).toBe('User: Hi\nAssistant: Hello.<|im_end|>\n');
    expect(tokenizer.chat.render([user('Hi')], true)).toBe('User: Hi\nAssistant:');
  });
});

describe('a tokenizer that adds a space before each text', () => {
  const pieces = ['<s>', '</s>', '▁', 'h', 'i', 'A', ':', 'q', '\n'];
  const normalizers = [
    { type: 'Prepend', prepend: '▁' },
    { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
  ];
  const special = (content: string, id: number) => ({ id, content, special: true, normalized: false });
  const tokenizerJson = JSON.stringify({
    added_tokens: [special('<s>', 0), special('</s>', 1)],
    normalizer: { type: 'Sequence', normalizers },
    model: { type: 'BPE', vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])), merges: [] },
  });
  const tokenizerConfig = JSON.stringify({ bos_token: '<s>', eos_token: '</s>', add_bos_token: true });
  const withTemplate = (chatTemplate: string | null) =>
    new TextTokenizer({ tokenizerJson, tokenizerConfig, chatTemplate, generationConfig: null });

  it.each([
    ['after a special token', '<s>{{ messages[0].content }}</s>{% if messages[1] %}{{ messages[1].content }}</s>{% endif %}'],
    ['after words', '<s>q: {{ messages[0].content }} A:{% if messages[1] %} {{ messages[1].content }}</s>{% endif %}'],
    [
      'after words, without a space',
      '<s>q:{{ messages[0].content }}A:{% if messages[1] %}{{ messages[1].content }}</s>{% endif %}',
    ],
  ])('encodes an answer %s as part of the whole text', (_, template) => {
    const tokenizer = withTemplate(template);
    const messages = [user('hi'), assistant('hi')];
    const { ids, trained } = encode(tokenizer, messages);
    expect(ids).toEqual(tokenizer.encode(tokenizer.chat.render(messages, false)));
    expect(ids.slice(0, trained.indexOf(1))).toEqual(encodePrompt(tokenizer, { messages: messages.slice(0, 1) }));
  });

  it('begins texts and the built-in template with the start token', () => {
    const tokenizer = withTemplate(null);
    const encoded = encodeExample(tokenizer, { kind: 'text', line: 1, text: 'hi' }, SETTINGS);
    expect(encoded).toEqual({ ids: [0, 2, 3, 4, 1], trained: [0, 1, 1, 1, 1], truncated: 0 });
    expect(encodePrompt(tokenizer, { text: 'hi' })).toEqual([0, 2, 3, 4]);
    expect(encodePrompt(tokenizer, { messages: [user('hi')] })[0]).toBe(0);
  });
});

describe('files that are not valid', () => {
  const files = filesOf('starter');
  const json = JSON.parse(files.tokenizerJson) as object;

  it.each([
    ['no JSON', { ...files, tokenizerJson: '{' }, 'tokenizer.json'],
    ['no vocabulary', { ...files, tokenizerJson: '{"model": {}}' }, 'model.vocab'],
    ['a config of another kind', { ...files, tokenizerConfig: '{"eos_token": 7}' }, 'tokenizer_config.json: eos_token'],
    ['an unknown kind', { ...files, tokenizerJson: '{"model": {"type": "Magic", "vocab": {}}}' }, 'model.type'],
    [
      'an unknown normalizer',
      { ...files, tokenizerJson: JSON.stringify({ ...json, normalizer: { type: 'Magic' } }) },
      'kind of tokenizer is not supported',
    ],
    ['a broken template', { ...files, chatTemplate: '{% for %}' }, 'chat template'],
  ])('%s', (_, bad, words) => {
    let error: unknown;
    try {
      new TextTokenizer(bad);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(CodedError);
    expect(error).toMatchObject({ code: 'model/tokenizer', message: expect.stringContaining(words) as string });
  });

  it('are reported together', () => {
    expect(() => new TextTokenizer({ ...files, tokenizerJson: '{', generationConfig: '7' })).toThrow(
      /tokenizer\.json.*generation_config\.json/s,
    );
  });
});
