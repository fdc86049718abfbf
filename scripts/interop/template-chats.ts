/** Conversations of every form, for the comparison of chat templates with transformers. */

import type { Message } from '../../src/dataset/types';

export interface Chat {
  readonly name: string;
  readonly messages: readonly Message[];
  readonly tools?: readonly unknown[];
}

const system = (content: string): Message => ({ role: 'system', content });
const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });
const thinking = (thought: string, answer: string): Message => assistant(`<think>\n${thought}\n</think>\n\n${answer}`);

const CODE = '    def add(a, b):\n        return a + b\n';

const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city, in "words" & numbers.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', description: 'Name of the city' }, days: { type: 'integer', minimum: 1 } },
      required: ['city'],
    },
  },
} as const;

const call = (id: string, city: string, content = ''): Message => {
  return { role: 'assistant', content, toolCalls: [{ id, name: 'get_weather', arguments: { city, days: 2 } }] };
};
const result = (id: string, content: string): Message => ({ role: 'tool', content, name: 'get_weather', toolCallId: id });

export const CHATS: readonly Chat[] = [
  { name: 'one turn', messages: [user('What is the capital of France?'), assistant('Paris.')] },
  {
    name: 'several turns',
    messages: [
      user('Hi'),
      assistant('Hello! How can I help?'),
      user('Count to two.'),
      assistant('1, 2'),
      user('And on?'),
      assistant('3'),
    ],
  },
  { name: 'system', messages: [system('Answer like a pirate.'), user('Hi'), assistant('Ahoy!')] },
  {
    name: 'system and several turns',
    messages: [system('Be brief.'), user('Hi'), assistant('Hello.'), user('Who are you?'), assistant('A program.')],
  },
  { name: 'code led by spaces', messages: [user('Complete the class.'), assistant(CODE)] },
  { name: 'code led by spaces, twice', messages: [user('Once.'), assistant(CODE), user('Twice.'), assistant(`\t${CODE}\n\n`)] },
  { name: 'a fence after a line break', messages: [user('Write it.'), assistant('\n```python\n  x = 1\n```\n')] },
  {
    name: 'other scripts',
    messages: [user('Übersetze „ja“ 🙂'), assistant('はい — "да" & <b>نعم</b> \\n {{ x }} 👍🏽'), user('E\u0301?'), assistant('é')],
  },
  { name: 'reasoning', messages: [user('What is 6·7?'), thinking('6·7 = 42.', '42')] },
  { name: 'reasoning about code', messages: [user('Continue.'), thinking('Indent it.', CODE)] },
  {
    name: 'reasoning in each turn',
    messages: [
      user('2+2?'),
      thinking('Easy.', '4'),
      user('3+3?'),
      thinking('Also easy.\n\nReally.', '6'),
      user('And?'),
      assistant('No more.'),
    ],
  },
  { name: 'reasoning without line breaks', messages: [user('2+2?'), assistant('<think>Easy.</think>4')] },
  {
    name: 'an answer that is not learnt',
    messages: [
      user('Hi'),
      { ...assistant('Go away.'), weight: 0 },
      user('Hi'),
      assistant('Hello.'),
      user('Bye'),
      { ...assistant('No.'), weight: 0 },
    ],
  },
  {
    name: 'a question at the end',
    messages: [user('Hi'), assistant('Hello.'), user('Are you there?')],
  },
  {
    name: 'a tool',
    messages: [
      user('How is the weather in Rome?'),
      call('call00001', 'Rome'),
      result('call00001', '{"sky": "clear", "degrees": 21}'),
      assistant('Clear, 21 °C.'),
    ],
    tools: [WEATHER],
  },
  {
    name: 'a tool after a text, and another question',
    messages: [
      system('Use tools.'),
      user('Rome?'),
      call('call00001', 'Rome', 'I look it up.'),
      result('call00001', 'clear'),
      assistant('Clear.'),
      user('Oslo?'),
      call('call00002', 'Oslo'),
    ],
    tools: [WEATHER],
  },
  {
    name: 'the assistant begins',
    messages: [assistant('Welcome! What is your order?'), user('Tea.'), assistant('Here you are.')],
  },
  { name: 'the assistant only', messages: [assistant('Welcome!')] },
];
