/**
 * Small values that survive a reload. Choices of a tab (its sample, kept dataset, model, recipe, goal, run and teacher) are stored twice: in sessionStorage for
 * this tab's own reload, and in localStorage for tabs opened later. A tab that only watches a run of another tab must not change
 * what that tab stored, so it writes to sessionStorage alone. Where storage is blocked, values last as long as the page.
 */

const PREFIX = 'finetab.';

/** Choices of one tab. */
type TabKey = 'sample' | 'dataset' | 'model' | 'recipe' | 'objectiveFrom' | 'goal' | 'run' | 'teacher';
/** Preferences that hold for all tabs. */
type SharedKey = 'theme' | 'notify' | 'hub' | 'keepData' | 'feedback';

const TAB_KEYS: readonly TabKey[] = ['sample', 'dataset', 'model', 'recipe', 'objectiveFrom', 'goal', 'run', 'teacher'];

/** Whether localStorage may be written; `unknown` until it is known whether another tab trains. */
let sharing: 'unknown' | 'shared' | 'own' = 'unknown';

/** Says whether this tab's choices are also those of tabs opened later. Choices made before the first call are stored with it. */
export function shareChoices(share: boolean): void {
  const first = sharing === 'unknown';
  sharing = share ? 'shared' : 'own';
  if (!first || !share) return;
  for (const key of TAB_KEYS) {
    const text = read('sessionStorage', key);
    if (text !== null) write('localStorage', key, text);
  }
}

/** The stored JSON value, or null when there is none or it can't be read. */
export function recall(key: TabKey | SharedKey): unknown {
  const text = (isTabKey(key) ? read('sessionStorage', key) : null) ?? read('localStorage', key);
  try {
    return JSON.parse(text ?? 'null') as unknown;
  } catch {
    return null;
  }
}

/** Stores a JSON value; null forgets it. */
export function remember(key: TabKey | SharedKey, value: unknown): void {
  const text = JSON.stringify(value);
  if (isTabKey(key)) write('sessionStorage', key, text);
  if (!isTabKey(key) || sharing === 'shared') write('localStorage', key, text);
}

function isTabKey(key: string): key is TabKey {
  return TAB_KEYS.some((one) => one === key);
}

function read(area: 'localStorage' | 'sessionStorage', key: string): string | null {
  try {
    return globalThis[area].getItem(PREFIX + key);
  } catch {
    return null;
  }
}

function write(area: 'localStorage' | 'sessionStorage', key: string, text: string): void {
  try {
    globalThis[area].setItem(PREFIX + key, text);
  } catch {
    // Private windows and full disks refuse; the page works without.
  }
}
