/** The key of masked personal data: made when it is asked for, from the rows that the step masks. */

import type { MaskKey } from '../../core/mask-key';
import { internal } from '../../core/errors';
import type { DataStepSettings } from '../../recipe/data-steps';
import { PERSONAL_KINDS, PersonalNumbers, type PersonalKind } from '../clean/personal';
import type { Table } from '../table';
import type { Mapping } from '../types';
import { applySteps } from './index';
import { labelColumns } from './labels';
import { textChanger } from './texts';

/**
 * What each numbered placeholder of step `index`, counted from 0, stands for, as it is written first in the rows. Empty where placeholders
 * have no numbers.
 */
export async function maskKeyOf(
  table: Table,
  mapping: Mapping,
  steps: readonly DataStepSettings[],
  seed: number,
  index: number,
): Promise<MaskKey> {
  const settings = steps[index];
  if (settings?.kind !== 'mask-personal') throw internal(`data step ${index + 1} masks no personal data`);
  if (settings.placeholders === 'plain') return new Map();
  const { table: before } = await applySteps(table, mapping, steps.slice(0, index), seed);
  const numbers = new PersonalNumbers();
  const written = new Map<string, readonly [kind: PersonalKind, value: string, text: string]>();
  const kinds = PERSONAL_KINDS.filter((kind) => settings[kind]);
  const shape = { ...mapping, columns: before.columns, sample: before.sample };
  const read = textChanger(shape, 'all', labelColumns(shape), (text) => {
    for (const { kind, value, start, end } of numbers.read(text, kinds)) {
      const name = `${kind}:${value}`;
      if (!written.has(name)) written.set(name, [kind, value, text.slice(start, end)]);
    }
    return text;
  });
  for await (const rows of before.rows.read()) for (const row of rows) read(row);
  return new Map([...written.values()].map(([kind, value, text]) => [numbers.placeholder(kind, value), text]));
}
