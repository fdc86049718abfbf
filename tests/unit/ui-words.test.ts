import { describe, expect, it } from 'vitest';
import { fileName } from '../../src/state/download';
import { defaultRecipe } from '../../src/recipe/recipe';
import { promptsFrom, promptsOfRun } from '../../src/state/prompts';
import { isResumable, runName } from '../../src/state/run-status';
import { clock } from '../../src/ui/charts/figures';
import { percentDone, tabTitle, trainView, resumeNote, type TrainingView } from '../../src/ui/train/words';
import { answerFacts, readNumber } from '../../src/ui/use/words';
import type { Example, RunPrompt } from '../../workers/api';

const chat = (line: number, user: string, system?: string): Example => ({
  kind: 'chat',
  line,
  messages: [
    ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
    { role: 'user', content: user },
    { role: 'assistant', content: 'yes' },
  ],
});

describe('prompts from the data', () => {
  it('come from held-out examples first, once each, with their system message', () => {
    const examples = [chat(1, 'seen', 'be kind'), chat(2, 'unseen'), chat(3, 'seen'), chat(4, 'other')];
    expect(promptsFrom(examples, [2], 2)).toEqual([
      { kind: 'chat', text: 'unseen', system: null },
      { kind: 'chat', text: 'seen', system: 'be kind' },
    ]);
  });
  it('are the first words of a text', () => {
    const text = 'one two  three\nfour five six seven eight nine ten';
    expect(promptsFrom([{ kind: 'text', line: 1, text }], [], 3)).toEqual([
      { kind: 'text', system: null, text: 'one two three four five six seven eight' },
    ]);
  });
  it('skip empty and very long ones', () => {
    expect(promptsFrom([chat(1, '  '), chat(2, 'x'.repeat(2000))], [], 3)).toEqual([]);
  });
});

describe('prompts of a run', () => {
  const lamp: RunPrompt = { text: 'Where is the lamp?', system: 'be kind', kind: 'chat' };
  const recipe = (...samplePrompts: string[]) => ({ ...defaultRecipe(), samplePrompts });
  const sampled = (...prompts: string[]) => ({
    ...{ steps: [], evals: [] },
    samples: prompts.map((prompt) => ({ step: 0, prompt, text: '' })),
  });

  it('are those of its recipe, then those of its data, once each', () => {
    const prompts = promptsOfRun({ recipe: recipe('Who lit it?', lamp.text), prompts: [lamp] }, sampled('another'));
    expect(prompts).toEqual([{ text: 'Who lit it?', system: null, kind: 'chat' }, lamp]);
  });

  it('are the prompts of its samples when an earlier version saved none', () => {
    const prompts = promptsOfRun({ recipe: recipe('Who lit it?') }, sampled(lamp.text, 'Who lit it?', lamp.text));
    expect(prompts.map(({ text }) => text)).toEqual(['Who lit it?', lamp.text]);
    expect(promptsOfRun({ recipe: recipe() }, null)).toEqual([]);
  });
});

describe('names', () => {
  it('number a run whose name is taken', () => {
    expect(runName('starter', 'sms.tsv', [])).toBe('starter on sms');
    expect(runName('starter', 'sms.tsv', ['starter on sms', 'starter on sms 2'])).toBe('starter on sms 3');
  });
  it('make file names that are valid on every system', () => {
    expect(fileName('Starter on “Süß & sour”/x.csv')).toBe('starter-on-s-sour-x-csv');
    expect(fileName('日本')).toBe('adapter');
  });
});

describe('a run in words', () => {
  const at = (change: Partial<TrainingView>): TrainingView => ({
    activity: 'idle',
    watching: false,
    run: null,
    step: 0,
    totalSteps: 0,
    ...change,
  });
  it('shows its share in the title of the tab', () => {
    expect(tabTitle(at({ activity: 'training', step: 42, totalSteps: 100 }))).toBe('42 % trained – Finetab');
    expect(tabTitle(at({ run: { status: 'paused' } }))).toBe('Paused – Finetab');
    expect(tabTitle(at({}))).toBe('Finetab');
  });
  it('does not show 100 % before the end', () => {
    expect(percentDone(399, 400)).toBe(99);
    expect(percentDone(1, 0)).toBe(0);
  });
  it('is busy, done or a problem in the rail', () => {
    expect(trainView(at({ activity: 'training', step: 3, totalSteps: 9 }))).toEqual({
      standing: 'busy',
      summary: 'Training, step 3 of 9',
    });
    expect(trainView(at({ run: { status: 'failed' } })).standing).toBe('problem');
    expect(trainView(at({ run: { status: 'finished' } })).standing).toBe('done');
  });
  it('can be resumed unless it was ended', () => {
    expect((['paused', 'interrupted', 'failed'] as const).every(isResumable)).toBe(true);
    expect((['running', 'stopped', 'finished'] as const).some(isResumable)).toBe(false);
  });
  it('says where resuming continues', () => {
    const run = (...steps: number[]) => ({
      totalSteps: 400,
      checkpoints: steps.map((step) => ({ step, bytes: 1, savedAt: 0, loss: null, best: false })),
    });
    expect(resumeNote(run(80, 120), 120)).toBe('Continues where it ended: step 120 of 400.');
    expect(resumeNote(run(80), 91)).toBe('Continues from its last checkpoint: step 80 of 400.');
    expect(resumeNote(run(0), 0)).toBe('Continues where it ended: step 0 of 400.');
    expect(resumeNote(run(), 7)).toMatch(/^Starts again/);
  });
  it('writes times on an axis', () => expect([0, 45, 150, 3900].map(clock)).toEqual(['0 s', '45 s', '2:30', '1:05:00']));
});

describe('the settings of an answer', () => {
  const bounds = { min: 0, max: 5, whole: false };
  it('accept values inside their bounds', () => expect([readNumber('0', bounds), readNumber('1e-1', bounds)]).toEqual([0, 0.1]));
  it('name their bounds for other values', () => {
    for (const text of ['', '-1', '9', 'x']) expect(readNumber(text, bounds)).toBe('a number from 0 to 5');
    expect(readNumber('1.5', { ...bounds, whole: true })).toBe('a whole number from 0 to 5');
  });
  it('describe how an answer ended', () => {
    const result = { promptIds: [1], ids: [1, 2], text: '', stopped: 'length' as const, tokensPerSecond: 12.345, context: 256 };
    expect(answerFacts(result)).toBe('2 tokens, 12 tokens/s, stopped at the token limit');
  });
});
