// Rendered conversations and their loss masks, beside transformers: fixtures/templates/expected.json is what scripts/interop/templates.py
// found with the templates there (npm run interop -- --only "chat templates").
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CHATS } from '../../scripts/interop/template-chats';
import { OWN } from '../../scripts/interop/template-facts';
import type { Message } from '../../src/dataset/types';
import { encodeExample } from '../../src/encoding/example';
import { ENCODINGS } from '../../src/encoding';
import { encodePrompt } from '../../src/tokenizer/encode';
import { chatSpans, promptSpans } from '../../src/tokenizer/spans';
import { ChatTemplate } from '../../src/tokenizer/template';
import { answerTexts, type AnsweredText } from '../answer-texts';
import { starterWith } from './tokenizer-files';

const folder = new URL('fixtures/templates/', import.meta.url);
const source = (name: string): string => readFileSync(new URL(`${name}.jinja`, folder), 'utf8');

type Expected = AnsweredText | { readonly refused: string };
const expected = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')) as Record<string, Record<string, Expected>>;

const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });

describe.each(Object.entries(OWN))('the template %s', (name, facts) => {
  it.each(CHATS)('renders $name as transformers does, and marks the same characters', (chat) => {
    const known = expected[name]?.[chat.name];
    expect(known).toBeDefined();
    const found = answerTexts({ ...facts, source: source(name) }, chat);
    if (known !== undefined && 'refused' in known) expect(found).toHaveProperty('refused');
    else expect(found).toEqual(known);
  });

  it('gives training the tokens of generation before the last answer', () => {
    const tokenizer = starterWith({}, source(name));
    const messages = [user('2+2?'), assistant('<think>\nEasy.\n</think>\n\n4'), user('And?'), assistant('  5')];
    const encoded = encodeExample(tokenizer, { kind: 'chat', line: 1, messages }, { sequenceLength: 999, lossOn: 'assistant' });
    if ('dropped' in encoded) throw new Error(encoded.dropped);
    const prompt = encodePrompt(tokenizer, { messages: messages.slice(0, 3) });
    expect(encoded.ids.slice(0, prompt.length)).toEqual(prompt);
    expect(encoded.trained.lastIndexOf(0)).toBe(prompt.length - 1);
    expect(tokenizer.stopIds).toContain(encoded.ids.at(-1));
  });
});

const STOPS = ['<|im_end|>'];

/** The trained texts, and how many answers are shown in part, not at all, or without the reasoning that a prompt opens. */
function learnt(name: string, messages: readonly Message[]) {
  const chat = new ChatTemplate(source(name), { bos_token: '', eos_token: '<|im_end|>' }, false);
  const { spans, answers } = chatSpans(chat, messages, STOPS);
  return { texts: spans.filter(({ trained }) => trained).map(({ text }) => text), answers };
}

describe('a prompt that opens a block of reasoning', () => {
  const think = '<think>\nSix times seven.\n</think>\n\n42';

  it('is followed by the reasoning of the answer, of which the template shows none', () => {
    expect(learnt('opens-reasoning', [user('6·7?'), assistant(think)])).toEqual({
      texts: ['Six times seven.\n</think>\n\n42<|im_end|>'],
      answers: { partial: 0, lost: 0, unreasoned: 0 },
    });
  });

  it('is closed before an answer without reasoning, which is counted', () => {
    expect(learnt('opens-reasoning', [user('6·7?'), assistant('42')])).toEqual({
      texts: ['\n</think>\n\n42<|im_end|>'],
      answers: { partial: 0, lost: 0, unreasoned: 1 },
    });
  });

  it('drops no row with reasoning', () => {
    const tokenizer = starterWith({}, source('opens-reasoning'));
    const whole = ENCODINGS.chat.encode(
      tokenizer,
      { kind: 'chat', line: 1, messages: [user('q'), assistant(think)] },
      { lossOn: 'assistant' },
    );
    expect(whole).not.toHaveProperty('dropped');
  });
});

describe('a template that leaves out earlier reasoning', () => {
  const turns = [user('a'), assistant('<think>\nx\n</think>\n\nA'), user('b'), assistant('<think>\ny\n</think>\n\nB')];

  it.each([
    ['last-reasoning', ['A<|im_end|>', '<think>\ny\n</think>\n\nB<|im_end|>']],
    ['opens-reasoning', ['\n\nA<|im_end|>', 'y\n</think>\n\nB<|im_end|>']],
  ])('%s: what it shows of each answer is trained, and the rest is counted', (name, texts) => {
    expect(learnt(name, turns)).toEqual({ texts, answers: { partial: 1, lost: 0, unreasoned: 0 } });
  });

  it('may end a finished conversation with a further token: every answer is trained', () => {
    const messages = [user('a'), assistant('A'), user('b'), assistant('B')];
    expect(learnt('end-token', messages)).toEqual({
      texts: ['A<|im_end|>', 'B<|im_end|>'],
      answers: { partial: 0, lost: 0, unreasoned: 0 },
    });
  });

  it('counts an answer whose text or calls it leaves out', () => {
    const toolCalls = [{ id: 'call00001', name: 'look', arguments: {} }];
    const messages = (content: string): Message[] => [user('a'), { role: 'assistant', content, toolCalls }];
    expect(learnt('opens-reasoning', messages('I look.')).answers.partial).toBe(1);
    expect(learnt('opens-reasoning', messages('')).answers.partial).toBe(0);
    expect(learnt('last-reasoning', messages('I look.')).answers.partial).toBe(0);
  });

  it('counts answers that it does not show at all', () => {
    const chat = new ChatTemplate(
      "{% for m in messages %}{% if m.role == 'user' or loop.last %}[{{ m.content }}]{% endif %}{% endfor %}",
      {},
      false,
    );
    const { spans, answers } = chatSpans(chat, [user('a'), assistant('A'), user('b'), assistant('B')], [']']);
    expect(answers).toEqual({ partial: 0, lost: 1, unreasoned: 0 });
    expect(spans.map(({ text, trained }) => (trained ? `*${text}*` : text)).join('')).toBe('[a][b]*[B]*');
  });
});

describe('a conversation that the assistant begins', () => {
  it.each([
    ['default-system', ['Welcome!<|im_end|>']],
    ['plain', ['Welcome!<|im_end|>']],
    ['last-reasoning', ['<think>\n\n</think>\n\nWelcome!<|im_end|>']],
  ])('%s: trains the answer and nothing that the template puts before it', (name, texts) => {
    expect(learnt(name, [assistant('Welcome!')]).texts).toEqual(texts);
  });

  it('does not train the template’s own system prompt in a longer one either', () => {
    const { texts } = learnt('default-system', [assistant('Welcome!'), user('Tea.'), assistant('Here.')]);
    expect(texts).toEqual(['Welcome!<|im_end|>', '<|im_start|>assistant\nHere.<|im_end|>']);
  });
});

describe('contents that look like the template', () => {
  const plain = () => new ChatTemplate(source('plain'), {}, false);
  const marked = (messages: readonly Message[]) =>
    chatSpans(plain(), messages, STOPS)
      .spans.filter(({ trained }) => trained)
      .map(({ text }) => text);

  it('are not taken for it', () => {
    const quoting = 'It writes <|im_start|>assistant\nHello<|im_end|>\n, see?';
    expect(marked([user(quoting), assistant('I see.'), user(quoting), assistant(quoting)])).toEqual([
      'I see.<|im_end|>',
      `${quoting}<|im_end|>`,
    ]);
    expect(marked([user('q'), assistant(quoting), user('q'), assistant('a')])).toEqual([`${quoting}<|im_end|>`, 'a<|im_end|>']);
  });

  it('may be empty', () => {
    expect(marked([user(''), assistant(''), user(''), assistant('')])).toEqual(['<|im_end|>', '<|im_end|>']);
  });

  it('are separate spans in a prompt as in training', () => {
    const messages = [user('q'), assistant('a'), user('r')];
    const texts = promptSpans(plain(), messages, STOPS).map(({ text }) => text);
    expect(texts[1]).toBe('a<|im_end|>');
    expect(texts.join('')).toBe(plain().render(messages, true));
  });
});
