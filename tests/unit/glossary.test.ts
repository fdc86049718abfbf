/** The glossary: each word is there once, is explained in few sentences, and is found; the main settings are among them. */

import { describe, expect, it } from 'vitest';
import { STAGES } from '../../src/state/place';
import { termOf } from '../../src/ui/recipe/terms';
import { shownIn } from '../../src/ui/recipe/words';
import { WORDS, wordsFor } from '../../src/ui/words/glossary';

describe('the words', () => {
  it('are in alphabetical order, each with its own anchor and its own name', () => {
    const names = WORDS.map(({ term }) => term);
    expect(names).toEqual([...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })));
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
    expect(new Set(WORDS.map(({ id }) => `term-${id}`)).size).toBe(WORDS.length);
    for (const { id } of WORDS) expect(id).toMatch(/^[a-z0-9-]+$/);
  });

  it('are explained in one to three sentences, and appear in a stage', () => {
    for (const { term, text, where } of WORDS) {
      expect(text.split(/[.?!](?:\s|$)/).filter(Boolean).length, term).toBeLessThanOrEqual(3);
      expect(text, term).toMatch(/\.$/);
      expect(where.length, term).toBeGreaterThan(0);
      for (const stage of where) expect(STAGES).toContain(stage);
    }
  });

  it('are found by a part of their name, of another name, or of their explanation', () => {
    expect(wordsFor('').length).toBe(WORDS.length);
    expect(wordsFor('OVERFIT').map(({ id }) => id)).toContain('memorising');
    expect(wordsFor('low-rank adaptation').map(({ id }) => id)).toContain('lora');
    expect(wordsFor('no such word')).toEqual([]);
  });

  it('explain every main setting', () => {
    const terms = shownIn('main', { method: 'lora', objective: 'sft' }).map(termOf);
    expect(terms).toEqual(['epoch', 'learning-rate', 'rank', 'sequence-length']);
  });
});
