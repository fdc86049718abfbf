/** Chat templates in Go's language: rendered, they are the texts that the Jinja templates give. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { goTemplate, modelfile } from '../../src/export/modelfile';
import type { Turn } from '../../src/export/turns';
import { ChatTemplate } from '../../src/tokenizer/template';
import { needShared, sharedText } from '../shared';
import { renderGo } from './go-template';
import { tokenizerOf } from './tokenizer-files';

const LOOP = '{% for message in messages %}';
const CHATML = `${LOOP}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}`;
const OPEN = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
const HEADER = "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>'";
const ASSISTANT = "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}";

/** Templates as families of models have them. */
const TEMPLATES: Readonly<Record<string, string | null>> = {
  'the built-in one': null,
  ChatML: CHATML + OPEN,
  'ChatML with a system message of its own': `{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are helpful.<|im_end|>\\n' }}{% endif %}${CHATML}${OPEN}`,
  'Llama 3': `{{ bos_token }}${LOOP}{{ ${HEADER} }}{% endfor %}${ASSISTANT}`,
  'Llama 3.2, which always has a system turn':
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] | trim %}{% set messages = messages[1:] %}{% else %}{% set system = '' %}{% endif %}" +
    "{{ '<|start_header_id|>system<|end_header_id|>\\n\\nToday Date: ' + strftime_now('%d %b %Y') + '\\n\\n' + system + '<|eot_id|>' }}" +
    `${LOOP}{{ ${HEADER} }}{% endfor %}${ASSISTANT}`,
  'Mistral, whose system message is in the first question':
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] + '\\n\\n' %}{% set messages = messages[1:] %}{% else %}{% set system = '' %}{% endif %}" +
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + (system if loop.first else '') + message['content'] + ' [/INST]' }}{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}",
  'Phi-3': `${LOOP}{{ '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}`,
  'Gemma 2, which refuses system messages':
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" +
    "{% for message in messages %}{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}",
  'Gemma 3, whose system message is in the first question':
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'] + '\\n\\n' %}{% set messages = messages[1:] %}{% else %}{% set first = '' %}{% endif %}" +
    "{% for message in messages %}{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\\n' + (first if loop.first else '') + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}",
  'one with braces and quotation marks': `${LOOP}{{ '{{"' + message['role'] + '"}}"""' + message['content'] + '{' }}{% endfor %}{% if add_generation_prompt %}{{ '{{"assistant"}}"""' }}{% endif %}`,
};

const user = (content: string): Turn => ({ role: 'user', content });
const system = (content: string): Turn => ({ role: 'system', content });
const assistant = (content: string): Turn => ({ role: 'assistant', content });

const CHATS: Readonly<Record<string, readonly Turn[]>> = {
  'a question': [user('What is a lamp?\nAnswer in one line.')],
  'a system message and a question': [system('You answer in rhymes.'), user('Why “{{ x }}”?')],
  'several turns': [user('One'), assistant('Two'), user('Three'), assistant('Four'), user('Five')],
  'several turns with a system message': [system('Be brief.'), user('One'), assistant('Two'), user('Three')],
};

const SPECIALS = { bos_token: '<s>', eos_token: '</s>' };

describe.each(Object.entries(TEMPLATES))('%s', (_, source) => {
  const chat = new ChatTemplate(source, SPECIALS, true);
  const starts = chat.render([user('x')], true).startsWith('<s>');

  it.each(Object.entries(CHATS))('renders %s as Jinja does', (__, messages) => {
    const expected = chat.tryRender(messages, true);
    const template = goTemplate(chat, '<s>') ?? '';
    if (expected === null) expect(messages[0]?.role).toBe('system');
    else expect((starts ? '<s>' : '') + renderGo(template, messages)).toBe(expected);
  });

  it('keeps the start token of a tokenizer that adds none', () => {
    const messages = [user('x')];
    expect(renderGo(goTemplate(chat, '') ?? '', messages)).toBe(chat.render(messages, true));
  });

  it('continues an answer at the end', () => {
    const messages = [user('One'), assistant('Two'), user('Three'), assistant('Four')];
    const whole = chat.render(messages, false).slice(starts ? '<s>'.length : 0);
    expect(renderGo(goTemplate(chat, '<s>') ?? '', messages)).toBe(whole.slice(0, whole.lastIndexOf('Four') + 'Four'.length));
  });
});

it('is the template of Qwen2.5', (context) => {
  needShared(context, 'data/tokenizers/qwen2.5_tokenizer_config.json');
  const { chat_template: source } = JSON.parse(sharedText('data/tokenizers/qwen2.5_tokenizer_config.json')) as {
    chat_template: string;
  };
  const chat = new ChatTemplate(source, {}, false);
  for (const messages of Object.values(CHATS))
    expect(renderGo(goTemplate(chat, '') ?? '', messages)).toBe(chat.render(messages, true));
});

describe('templates that do more than to put texts around turns', () => {
  it.each([
    ['numbers the turns', `${LOOP}{{ loop.index ~ ': ' + message['content'] + '\\n' }}{% endfor %}`],
    ['changes the contents', `${LOOP}{{ '<' + message['role'] + '>' + message['content'] | upper }}{% endfor %}`],
    ['repeats the last question', `${CHATML}${OPEN}{{ messages[-1]['content'] }}`],
    ['renders nothing', ''],
  ])('%s', (_, source) => {
    expect(goTemplate(new ChatTemplate(source, SPECIALS, false), '')).toBeNull();
  });
});

describe('the Modelfile', () => {
  const tokenizer = tokenizerOf('starter');

  it('has the template and the stop tokens', () => {
    expect(modelfile({ file: 'model-q8_0.gguf', texts: false, tokenizer })).toBe(
      readFileSync(new URL('fixtures/Modelfile', import.meta.url), 'utf8'),
    );
  });

  it('has no template around the prompts of a run that learnt texts', () => {
    expect(modelfile({ file: 'x.gguf', texts: true, tokenizer })).toContain('TEMPLATE """{{ .Prompt }}"""\n');
  });

  it('says that a template could not be stated', () => {
    const chat = new ChatTemplate('{{ messages | length }}', {}, false);
    const text = modelfile({
      file: 'x.gguf',
      texts: false,
      tokenizer: Object.assign(Object.create(tokenizer) as typeof tokenizer, { chat }),
    });
    expect(text).not.toContain('TEMPLATE """');
    expect(text).toContain('# The chat template of this model does more');
  });
});
