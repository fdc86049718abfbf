/** Places of the page, and their addresses: `#use/measure?run=3f2a` is the tab `measure` of the stage Use with an option. Pure. */

export const STAGES = ['model', 'data', 'recipe', 'train', 'use'] as const;
export type StageId = (typeof STAGES)[number];

/** Pages beside that of the stages. */
export const PAGES = ['runs', 'words', 'device'] as const;
export type PageId = (typeof PAGES)[number];

export interface Place {
  readonly view: StageId | PageId;
  /** The tab that is open in the view; null takes its first one. */
  readonly tab: string | null;
  /** What the view shows besides, such as the order of a table. */
  readonly options: Readonly<Record<string, string>>;
}

/** The place of an address's hash, or null when it is none. */
export function placeOf(hash: string): Place | null {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?');
  const [name, tab = ''] = path.split('/');
  const view = [...STAGES, ...PAGES].find((id) => id === name);
  if (view === undefined) return null;
  return { view, tab: tab === '' ? null : tab, options: Object.fromEntries(new URLSearchParams(query)) };
}

/** The hash of a place; `placeOf` reads it back. */
export function hashOf({ view, tab, options }: Place): string {
  const query = new URLSearchParams(options).toString();
  return `#${view}${tab === null ? '' : `/${tab}`}${query === '' ? '' : `?${query}`}`;
}

/** The place of the field of a setting, such as `method.rank`. */
export function settingPlace(setting: string): Place {
  return { view: 'recipe', tab: 'everything', options: { setting } };
}

export function isStage(view: Place['view']): view is StageId {
  return STAGES.some((id) => id === view);
}
