/** Replaces personal data by placeholders. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { maskPersonal as mask, PERSONAL_KINDS, PersonalNumbers, placeholderOf, type PersonalKind } from '../clean/personal';
import type { Row } from '../table';
import type { StepPart } from '../types';
import { labelColumns } from './labels';
import { changesSample, textChanger } from './texts';
import type { DataStep, Shape, StepRun } from './step';

type Settings = DataStepSettingsOf<'mask-personal'>;

const DEFAULTS: Settings = {
  kind: 'mask-personal',
  ...{ email: true, phone: true, card: true, iban: true, ip: true, id: true, credentials: true, name: false },
  placeholders: 'numbered',
};

const DEFAULT_KINDS = PERSONAL_KINDS.filter((kind) => DEFAULTS[kind]);

/** What is found, in plural. */
const WORDS: { readonly [K in PersonalKind]: string } = {
  credentials: 'passwords in addresses',
  email: 'e-mail addresses',
  iban: 'bank accounts',
  card: 'card numbers',
  ip: 'IP addresses',
  id: 'national ids',
  phone: 'phone numbers',
  name: 'names',
};

/** In questions and answers, but not in labels. The same value has the same number in all rows. */
export const maskPersonal: DataStep<Settings> = {
  text: true,
  begin(shape, settings): StepRun {
    const kinds = PERSONAL_KINDS.filter((kind) => settings[kind]);
    const numbers = new PersonalNumbers();
    const rowsOf = new Map<PersonalKind, number>();
    const found = new Set<PersonalKind>();
    const read = textChanger(shape, 'all', labelColumns(shape), (text) => {
      for (const { kind } of numbers.read(text, kinds)) found.add(kind);
      return text;
    });
    const placeholder = (kind: PersonalKind, value: string): string =>
      settings.placeholders === 'plain' ? placeholderOf(kind) : numbers.placeholder(kind, value);
    return {
      survey(row) {
        found.clear();
        read(row);
        for (const kind of found) rowsOf.set(kind, (rowsOf.get(kind) ?? 0) + 1);
      },
      start: () => masker(shape, kinds, placeholder),
      parts: () => partsOf(rowsOf),
    };
  },
  // To try it takes long where there are many numbers: rows at hand must have some first.
  suggest: (shape) =>
    changesSample(
      shape,
      masker(shape, DEFAULT_KINDS, (kind) => placeholderOf(kind)),
    )
      ? DEFAULTS
      : null,
};

function masker(
  shape: Shape,
  kinds: readonly PersonalKind[],
  placeholder: (kind: PersonalKind, value: string) => string,
): (row: Row) => Row {
  return textChanger(shape, 'all', labelColumns(shape), (text) => mask(text, kinds, placeholder));
}

function partsOf(rowsOf: ReadonlyMap<PersonalKind, number>): StepPart[] {
  return [...rowsOf].map(([kind, rows]) => ({ what: WORDS[kind], rows })).sort((a, b) => b.rows - a.rows);
}
