/** Values of settings in words, for sentences that say what changed. Pure. */

import type { Change } from '../../recipe/presets';
import { entryOf, isFormSetting, labelOf, type Kinds } from './words';

/** `Rank 16 → 8`. */
export function changeWords(kinds: Kinds, { setting, before, after }: Change): string {
  const label = isFormSetting(kinds, setting) ? labelOf(setting) : setting;
  return `${label} ${valueWords(kinds, setting, before)} → ${valueWords(kinds, setting, after)}`;
}

/** A value as its field shows it: `2e-4`, `all linear`, `3 names`. */
export function valueWords(kinds: Kinds, setting: string, value: unknown): string {
  if (Array.isArray(value)) return value.length === 1 ? '1 name' : `${value.length} names`;
  if (typeof value === 'number') return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value !== 'string') return value === undefined ? 'not set' : 'as given';
  return isFormSetting(kinds, setting) ? textWords(entryOf(setting), value) : value;
}

function textWords(entry: ReturnType<typeof entryOf>, value: string): string {
  if (entry.kind === 'choice') return entry.options[value]?.split(':')[0] ?? `“${value}”`;
  if (entry.kind === 'modules' && value === entry.rule) return entry.ruleLabel;
  return value === '' ? 'empty' : `“${value}”`;
}
