/** Examples that are longer than the sequence length. */

import type { DataStepSettingsOf } from '../recipe/data-steps';
import { percent, plural, type Fix, type Rule, type Situation } from './advice';
import { lengthFor, virtualIn } from './suggested-run';

/** Fewer examples that are cut are not worth a sentence. */
const WORTH = 0.01;

/** Characters of a token of English, about. */
const CHARACTERS = 4;

export const cut: Rule = (situation) => {
  const { stats, recipe } = situation;
  if (stats === null || stats.examples === 0 || stats.truncated < WORTH * stats.examples) return null;
  const share = percent(stats.truncated / stats.examples);
  const room = recipe.sequenceLength - virtualIn(situation);
  const lost = `${plural(stats.truncated, 'example')} (${share}) ${stats.truncated === 1 ? 'is' : 'are'} cut at ${plural(room, 'token')}: what is cut off is not learnt.`;
  return { text: `${lost} The longest has ${plural(stats.maxLength, 'token')}.`, fixes: fixesOf(situation) };
};

function fixesOf({ stats, recipe, context, view }: Situation): readonly Fix[] {
  const length = stats === null ? 0 : lengthFor(stats, context, virtualIn({ stats, recipe }));
  const longer: Fix[] =
    length > recipe.sequenceLength
      ? [{ kind: 'settings', title: `Set the length to ${length}`, values: { sequenceLength: length } }]
      : [];
  const whole = view.format === 'text' || view.format === 'text-label';
  const isCut = recipe.dataSteps.some(({ kind }) => kind === 'cut-long');
  const step: DataStepSettingsOf<'cut-long'> = {
    ...{ kind: 'cut-long', most: Math.max(100, recipe.sequenceLength * CHARACTERS), overlap: 0 },
  };
  return whole && !isCut ? [...longer, { kind: 'step', title: 'Cut the texts into several rows', step }] : longer;
}
