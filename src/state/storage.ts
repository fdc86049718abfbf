/** Small things that survive a reload, in localStorage. Where storage is blocked, they last as long as the page. */

const PREFIX = 'finetab.';

/** The stored JSON value, or null when there is none or it can't be read. */
export function recall(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + key) ?? 'null') as unknown;
  } catch {
    return null;
  }
}

/** Stores a JSON value; null takes it away. */
export function remember(key: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Private windows and full disks refuse; the page works without.
  }
}
