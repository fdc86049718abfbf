/** The storage that the browser gives to the page: what is used, and whether the browser may delete it. */

/** `granted`: deleted only by the user. `open`: not asked for in this visit. */
export type Protection = 'unsupported' | 'open' | 'granted' | 'refused';

export class Space {
  /** Bytes used by all that the page stores, and bytes that the browser allows; null where it does not say. */
  used = $state<number | null>(null);
  quota = $state<number | null>(null);
  protection = $state<Protection>('open');
  /** Bytes of what was deleted last. */
  freed = $state(0);

  /** Reads the figures again. */
  async refresh(): Promise<void> {
    if (!('storage' in navigator)) {
      this.protection = 'unsupported';
      return;
    }
    const { usage = null, quota = null } = await navigator.storage.estimate().catch((): StorageEstimate => ({}));
    [this.used, this.quota] = [usage, quota];
    if (await navigator.storage.persisted().catch(() => false)) this.protection = 'granted';
  }

  /** Asks the browser, once in a visit, to keep what is stored until the user deletes it. Some browsers ask the user. */
  async protect(): Promise<void> {
    await this.refresh();
    if (this.protection !== 'open') return;
    this.protection = (await navigator.storage.persist().catch(() => false)) ? 'granted' : 'refused';
  }

  /** To be called after `bytes` were deleted. */
  async release(bytes: number): Promise<void> {
    this.freed = bytes;
    await this.refresh();
  }
}

export const space = new Space();
