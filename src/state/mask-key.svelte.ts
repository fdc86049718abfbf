/** The key of masked personal data: saved from the Data stage, and used to put values back into answers. Nothing of it is stored. */

import { CodedError } from '../core/errors';
import { putValuesBack, readMaskKey, writeMaskKey, type MaskKey } from '../core/mask-key';
import { data } from './data.svelte';
import { fileName, saveText } from './download';
import { failureOf, type Failure } from './failure';

class MaskKeyState {
  /** The key whose values stand in answers, and the name of its file; null while there is none. */
  open = $state.raw<{ readonly name: string; readonly key: MaskKey } | null>(null);
  /** Why `open` can't be another one. */
  unread = $state.raw<Failure | null>(null);
  /** Why no key was saved. */
  unsaved = $state.raw<Failure | null>(null);
  /** A key is being made. */
  saving = $state(false);

  /** Makes the key of data step `index` and lets the browser save it. */
  async save(index: number): Promise<void> {
    this.unsaved = null;
    this.saving = true;
    try {
      const key = await data.ask((api) => api.maskKey(index));
      if (key === null) return;
      if (key.size === 0) throw new CodedError('data/no-examples', 'No personal data were found, so there is no key to save.');
      saveText(`${fileName(data.view?.name ?? 'data')}-key.json`, writeMaskKey(key), 'application/json');
    } catch (error) {
      this.unsaved = failureOf(error);
    } finally {
      this.saving = false;
    }
  }

  /** Takes the key in a file that `save` made. */
  async read(file: File): Promise<void> {
    this.unread = null;
    try {
      this.open = { name: file.name, key: readMaskKey(file.name, await file.text()) };
    } catch (error) {
      this.unread = failureOf(error);
    }
  }

  /** Forgets the key. */
  close(): void {
    this.open = this.unread = null;
  }

  /** The text with values in place of placeholders, if a key is open. */
  shown(text: string): string {
    return this.open === null ? text : putValuesBack(text, this.open.key);
  }
}

export const maskKey = new MaskKeyState();
