/** The filter of the list of all settings. Pure. */

import type { SettingPath } from '../../recipe/recipe';
import { GROUP_TITLES, helpOf, labelOf, settingsIn, type FormSetting, type GroupId, type Kinds } from './words';

/** What the list shows. */
export interface Filter {
  /** Words that name, label or help text must have. */
  readonly query: string;
  /** Only settings with another value than the usual one. */
  readonly changedOnly: boolean;
}

export interface Group {
  readonly title: string;
  readonly settings: readonly FormSetting[];
}

/** Whether each part of the query is in the plain name of a setting, its name in recipe files, or its help. */
export function matches(query: string, setting: FormSetting, kinds: Kinds): boolean {
  const all = `${labelOf(setting)} ${setting} ${helpOf(setting, kinds)}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((part) => all.includes(part));
}

/** The settings that the filter lets through, in the groups of the form. */
export function groupsFor(
  { query, changedOnly }: Filter,
  kinds: Kinds,
  isChanged: (setting: SettingPath) => boolean,
): readonly Group[] {
  return (Object.keys(GROUP_TITLES) as GroupId[])
    .map((id) => ({
      title: GROUP_TITLES[id],
      settings: settingsIn(id, kinds).filter((one) => matches(query, one, kinds) && (!changedOnly || isChanged(one))),
    }))
    .filter(({ settings }) => settings.length > 0);
}

/** How many settings groups have. */
export function sizeOf(groups: readonly Group[]): number {
  return groups.reduce((sum, { settings }) => sum + settings.length, 0);
}
