// Tools and their calls in chat templates: those that render them get the Python library's form, others get text and a notice.
import { describe, expect, it } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import { toolNotices } from '../../src/batch/tool-notices';
import { openDataset } from '../../src/dataset/dataset';
import type { Message } from '../../src/dataset/types';
import { encodeExample } from '../../src/encoding/example';
import { ChatTemplate } from '../../src/tokenizer/template';
import { openText, readFixture } from './dataset-open';
import { filesOf, needTokenizer, tokenizerOf } from './tokenizer-files';

const TOOL = {
  type: 'function',
  function: { name: 'find', description: 'Finds.', parameters: { type: 'object', properties: {} } },
};
const CHAT: readonly Message[] = [
  { role: 'user', content: 'Find y.' },
  { role: 'assistant', content: 'Wait.', toolCalls: [{ id: 'call12345', name: 'find', arguments: { x: 'y' } }] },
  { role: 'tool', content: 'found', name: 'find', toolCallId: 'call12345' },
  { role: 'assistant', content: 'Here.' },
];

const TOOLS = '{% if tools %}[TOOLS]{{ tools | tojson }}[/TOOLS]{% endif %}';
const turns = (call: string) =>
  `{% for m in messages %}<{{ m.role }}>{{ m.content or '' }}{% for c in m.tool_calls or [] %}${call}{% endfor %}</s>{% endfor %}`;
const OBJECTS = turns('{{ c.function.name }}({{ c.function.arguments | tojson }})');
const TEXTS = turns("{{ c.function.name + '(' + c.function.arguments + ')' }}");
const template = (source: string) => new ChatTemplate(source, {}, false);

describe('templates', () => {
  it('that render tools and calls get both', () => {
    const chat = template(TOOLS + OBJECTS);
    expect([chat.takesTools, chat.callForm]).toEqual([true, 'objects']);
    expect(chat.withTools([TOOL]).render(CHAT, false)).toBe(
      `[TOOLS]${JSON.stringify([TOOL]).replace(/([:,])(?=["{[])/g, '$1 ')}[/TOOLS]<user>Find y.</s>` +
        '<assistant>Wait.find({"x": "y"})</s><tool>found</s><assistant>Here.</s>',
    );
  });

  it('that join the arguments to text get them as JSON text', () => {
    const chat = template(TEXTS);
    expect([chat.takesTools, chat.callForm]).toEqual([false, 'texts']);
    expect(chat.render(CHAT, false)).toContain('<assistant>Wait.find({"x":"y"})</s>');
  });

  it('without a form for calls get them in the content', () => {
    const chat = template('{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}');
    expect(chat.callForm).toBe('content');
    expect(chat.withTools([TOOL]).render(CHAT, false)).toBe(
      '<user>Find y.</s><assistant>Wait.\n{"name":"find","arguments":{"x":"y"}}</s><tool>found</s><assistant>Here.</s>',
    );
  });

  it('that refuse a conversation say so', () => {
    const chat = template("{{ raise_exception('no') }}");
    expect([chat.takesTools, chat.callForm]).toEqual([false, 'content']);
    expect(() => chat.render(CHAT, false)).toThrow();
  });
});

describe('notices', () => {
  const counts = new Map([
    ['tools', 2],
    ['calls', 1],
  ] as const);

  it('name what the template leaves out', () => {
    expect(toolNotices({ takesTools: true, callForm: 'objects' }, counts)).toEqual([]);
    expect(toolNotices({ takesTools: false, callForm: 'content' }, counts)).toEqual([
      expect.stringContaining('2 conversations have tools, and the chat template of this model has no place for them'),
      expect.stringContaining('One conversation has calls of tools'),
    ]);
  });

  it('come with the statistics', async () => {
    const preparation = new Preparation();
    await preparation.setTokenizer(filesOf('starter'));
    const settings = { sequenceLength: 512, heldOutRatio: 0, seed: 1, lossOn: 'assistant' } as const;
    await preparation.open(new File([readFixture('tool-calls.json')], 'tool-calls.json'));
    expect((await preparation.measure(settings)).notices).toHaveLength(2);
    await preparation.open(new File([readFixture('chats.jsonl')], 'chats.jsonl'));
    expect((await preparation.measure(settings)).notices).toBeUndefined();
  });
});

describe('training', () => {
  it('learns the calls and answers of a conversation with tools', async () => {
    const tokenizer = tokenizerOf('starter');
    const { examples } = await openDataset('tool-calls.json', new Blob([readFixture('tool-calls.json')]));
    const example = examples.head.find((one) => one.kind === 'chat' && one.messages.some(({ toolCalls }) => toolCalls));
    if (example?.kind !== 'chat') throw new Error('expected a conversation with a call');
    const encoded = encodeExample(tokenizer, example, { sequenceLength: 4096, lossOn: 'assistant' });
    if ('dropped' in encoded) throw new Error(encoded.dropped);
    const text = tokenizer.decode(
      encoded.ids.filter((_, i) => encoded.trained[i] === 1),
      { skipSpecial: false },
    );
    const answers = example.messages.filter(({ role }) => role === 'assistant');
    expect(text.split('<|im_end|>').slice(0, -1)).toHaveLength(answers.length);
    for (const { content, toolCalls } of answers) {
      expect(text).toContain(content);
      for (const { name } of toolCalls ?? []) expect(text).toContain(`{"name":"${name}","arguments":`);
    }
  });

  it("gives Qwen2.5's template the tools and calls", async (context) => {
    needTokenizer(context, 'qwen2.5');
    const tokenizer = tokenizerOf('qwen2.5');
    expect([tokenizer.chat.takesTools, tokenizer.chat.callForm]).toEqual([true, 'objects']);
    const row = {
      messages: [
        { role: 'user', content: 'q' },
        { role: 'assistant', content: 'a' },
      ],
      functions: [TOOL.function],
    };
    const [example] = (await openText('a.jsonl', JSON.stringify(row))).examples.head;
    if (example?.kind !== 'chat') throw new Error('expected a conversation');
    const encoded = encodeExample(tokenizer, example, { sequenceLength: 4096, lossOn: 'assistant' });
    if ('dropped' in encoded) throw new Error(encoded.dropped);
    expect(tokenizer.decode([...encoded.ids], { skipSpecial: false })).toContain('"name": "find"');
  });
});
