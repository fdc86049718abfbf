/** Few-shot prompting: which examples a run keeps for it, and where they stand in a conversation. */

import { expect, it } from 'vitest';
import { isPrompted, messagesFor, type Turn } from '../../src/state/conversation';
import { MOST_SHOTS, shotsFrom } from '../../src/state/shots';
import { shotsNote } from '../../src/ui/use/words';
import type { Example, GenerateResult, Message } from '../../workers/api';

const turns = (...contents: readonly string[]): Message[] =>
  contents.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
const chat = (line: number, messages = turns(`question ${line}`, `answer ${line}`)): Example => ({
  kind: 'chat',
  line,
  messages,
});
const rows = Array.from({ length: 20 }, (_, i) => chat(i + 1));
const lines = (shots: readonly { readonly line: number }[]) => shots.map(({ line }) => line);

it('takes rows for training only, in an order that the seed gives', () => {
  const training = rows.map(({ line }) => line).filter((line) => line % 3 !== 0);
  const shots = shotsFrom(rows, training, 42);
  expect(shots).toHaveLength(MOST_SHOTS);
  expect(lines(shots).filter((line) => line % 3 === 0)).toEqual([]);
  expect(new Set(lines(shots)).size).toBe(MOST_SHOTS);
  expect(lines(shotsFrom(rows, training, 42))).toEqual(lines(shots));
  expect(lines(shotsFrom(rows, training, 7))).not.toEqual(lines(shots));
  // Every row for training has a turn, whatever the seed: none is left out by its place.
  const taken = Array.from({ length: 40 }, (_, seed) => lines(shotsFrom(rows, training, seed))).flat();
  expect(new Set(taken)).toEqual(new Set(training));
});

it('takes conversations that end with a short answer, without their system messages', () => {
  const system: Message = { role: 'system', content: 'Be kind.' };
  const call: Message = { role: 'assistant', content: '', toolCalls: [{ name: 'look', arguments: {} }] };
  const all: Example[] = [
    chat(1, [system, ...turns('a?', 'b', 'c?', 'd')]),
    chat(2, turns('a?')),
    chat(3, turns('a?', 'x'.repeat(601))),
    chat(4, [{ role: 'user', content: 'a?' }, call]),
    { kind: 'text', line: 5, text: 'A text.' },
    chat(1, turns('a copy?', 'b')),
    // The data say that this answer is not learnt.
    chat(
      6,
      turns('a?', 'bad').map((turn, i) => (i === 1 ? { ...turn, weight: 0 } : turn)),
    ),
  ];
  expect(shotsFrom(all, [1, 2, 3, 4, 5, 6], 1)).toEqual([{ line: 1, messages: turns('a?', 'b', 'c?', 'd') }]);
});

const result = { promptIds: [], ids: [] } as unknown as GenerateResult;

it('stand after the system message and before what was said, in which the base reads its own answers', () => {
  const shots = shotsFrom([chat(3)], [3], 1);
  const before: Turn[] = [
    { prompt: 'a?', base: { text: 'plain', result }, tuned: null, prompted: { text: 'own', result, lines: [3] } },
  ];
  expect(messagesFor('prompted', before, 'b?', 'Be kind.', shots).map(({ role, content }) => `${role}: ${content}`)).toEqual([
    ...['system: Be kind.', 'user: question 3', 'assistant: answer 3'],
    ...['user: a?', 'assistant: own', 'user: b?'],
  ]);
  expect([isPrompted([]), isPrompted(before), isPrompted([...before, { prompt: 'b?', base: null, tuned: null }])]).toEqual([
    ...[true, true, false],
  ]);
});

it('are named by their lines', () => {
  expect([undefined, [], [3], [1203, 9, 14]].map(shotsNote)).toEqual([
    ...['', 'no example fits beside the message', 'line 3 of the training data'],
    'lines 1,203, 9 and 14 of the training data',
  ]);
});
