// Templates beside Python's Jinja, and those that do not come to an end. fixtures/templates/strip.json: Python's text.strip(chars),
// lstrip and rstrip, as [text, chars, stripped, at the start, at the end].
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import { codeOf } from '../../src/core/errors';
import { JinjaTemplate } from '../../src/tokenizer/jinja';
import { ChatTemplate } from '../../src/tokenizer/template';
import { filesOf, starterWith } from './tokenizer-files';

const render = (source: string, variables: Record<string, unknown> = {}): string => new JinjaTemplate(source).render(variables);

const stripped = JSON.parse(readFileSync(new URL('fixtures/templates/strip.json', import.meta.url), 'utf8')) as [
  string,
  string | null,
  ...string[],
][];

describe('texts', () => {
  it('are stripped as in Python, with and without an argument', () => {
    const template = new JinjaTemplate(
      '{{ [t.strip(c), t.lstrip(c), t.rstrip(c)] | tojson }}{% if c is none %}{{ [t.strip(), t.lstrip(), t.rstrip(), t | trim] | tojson }}{% endif %}',
    );
    for (const [t, c, ...all] of stripped) {
      const plain = c === null ? JSON.stringify([...all, all[0]]).replaceAll('","', '", "') : '';
      expect(template.render({ t, c })).toBe(JSON.stringify(all).replaceAll('","', '", "') + plain);
    }
  });

  it('keep the indentation of code after line breaks are stripped', () => {
    expect(render("{{ ('\\n' + code).lstrip('\\n') }}|{{ (code + '\\n').rstrip('\\n') }}", { code: '    x = 1 ' })).toBe(
      '    x = 1 |    x = 1 ',
    );
  });

  it('may be parts of other values, and those may have methods of the name', () => {
    expect(render("{{ turns[0].content.strip('-')[1:] }}", { turns: [{ content: '--abc-' }] })).toBe('bc');
    expect(() => render("{{ 'a'.strip(1) }}")).toThrow('strip() takes a text');
  });
});

describe('the variables that transformers defines', () => {
  it('are there', () => {
    expect(
      render('{{ range(3) | list | tojson }}{{ range(5, 1, -2) | list | tojson }}{{ True and not False and none is none }}'),
    ).toBe('[0, 1, 2][5, 3]true');
    expect(() => render("{{ raise_exception('no') }}")).toThrow('no');
    expect(() => render('{{ range(100001) }}')).toThrow('more than 100000');
  });
});

/** Templates of a few characters that would take hours or all of the memory. */
const ENDLESS: readonly (readonly [string, string])[] = [
  ['calls itself', '{% macro f() %}{{ self() }}{% endmacro %}{% macro g(h) %}{{ h(h) }}{% endmacro %}{{ g(g) }}'],
  ['doubles a text', "{% set n = namespace(t='ab') %}{% for i in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}{{ n.t }}"],
  ['doubles a list', '{% set n = namespace(l=[1]) %}{% for i in range(99) %}{% set n.l = n.l + n.l %}{% endfor %}'],
  [
    'nests lists',
    '{% set n = namespace(l=[1]) %}{% for i in range(99) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l | tojson }}',
  ],
  [
    'nests namespaces',
    '{% set n = namespace(l=1) %}{% for i in range(99) %}{% set n.l = namespace(a=n.l, b=n.l) %}{% endfor %}{{ n.l }}',
  ],
  ['holds itself', '{% set n = namespace() %}{% set n.n = n %}{{ n }}'],
  ['indents by a lot', "{{ 'a\\nb' | indent(99999999) }}"],
  [
    'searches a long text',
    "{% set t = 'a' | indent(16000000, true) %}{% for i in range(99999) %}{% if 'b' in t %}{% endif %}{% endfor %}",
  ],
];

const QUESTION = [{ role: 'user', content: 'Hi' }] as const;

describe('a template that does not come to an end', () => {
  it.each(ENDLESS)('%s: is refused with a code, its beginning and what to do', (_, source) => {
    const chat = new ChatTemplate(source, {}, false);
    let error: unknown;
    try {
      chat.render(QUESTION, true);
    } catch (caught) {
      error = caught;
    }
    expect(codeOf(error)).toBe('model/template');
    expect(error).toHaveProperty('message', expect.stringContaining(source.slice(0, 20)));
    expect(error).toHaveProperty('message', expect.stringContaining('chat_template.jinja'));
    // The budget is that of one rendering.
    expect(new ChatTemplate('{{ messages[0].content }}', {}, false).render(QUESTION, true)).toBe('Hi');
  });

  it('is not read when reading alone would take minutes', () => {
    const refused = (source: string) => expect(() => new ChatTemplate(source, {}, false));
    refused('x'.repeat(1_000_001)).toThrow(/can't be read \(it has more than 1000000 characters\)/);
    refused(`a${' '.repeat(1e5)}b`).toThrow(/white space in a row/);
    expect(render(`a${' '.repeat(1000)}b`)).toHaveLength(1002);
  });

  it('ends the encoding of a dataset, which goes on with another template', async () => {
    const endless = '{% set n = namespace(t=messages[0].content) %}{% for i in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}';
    const rows = Array.from({ length: 50 }, (_, i) => `{"prompt":"${'q'.repeat(i % 2)}","completion":"a"}`).join('\n');
    const settings = { sequenceLength: 256, heldOutRatio: 0, seed: 1, lossOn: 'assistant' } as const;
    const preparation = new Preparation();
    await preparation.open(new File([rows], 'rows.jsonl'));
    const refusal = preparation.setTokenizer({ ...filesOf('starter'), chatTemplate: endless });
    await expect(refusal).rejects.toMatchObject({ code: 'model/template' });
    await preparation.setTokenizer(filesOf('starter'));
    expect((await preparation.measure(settings)).examples).toBe(25);
  });

  it('of some conversations only ends the encoding too: no row is dropped for it', async () => {
    const source =
      "{% for m in messages %}{{ m.content }}<|im_end|>{% if 'loop' in m.content %}{% set n = namespace(t='ab') %}" +
      '{% for i in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}{% endif %}{% endfor %}';
    expect(starterWith({}, source).chat.render(QUESTION, false)).toBe('Hi<|im_end|>');
    const preparation = new Preparation();
    await preparation.setTokenizer({ ...filesOf('starter'), chatTemplate: source });
    await preparation.open(new File(['{"prompt":"q","completion":"a"}\n{"prompt":"loop","completion":"a"}'], 'rows.jsonl'));
    const settings = { sequenceLength: 256, heldOutRatio: 0, seed: 1, lossOn: 'assistant' } as const;
    await expect(preparation.measure(settings)).rejects.toMatchObject({ code: 'model/template' });
    await expect(preparation.preview(1, settings)).rejects.toMatchObject({ code: 'model/template' });
    expect((await preparation.preview(0, settings)).documents[0]?.length).toBeGreaterThan(0);
  });
});
