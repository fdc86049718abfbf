/** The hub's page in a frame: one of the two parts of Finetab that reach another host. It exists once the user asked for it. */

import type { Remote } from 'comlink';
import type { HubApi } from '../../workers/api';
import { HUGGING_FACE } from '../core/hub';
import { PageFrame } from './page-frame';

/** The frame of one hub. */
export class HubFrame {
  readonly #frame: PageFrame<HubApi>;

  private constructor(frame: PageFrame<HubApi>) {
    this.#frame = frame;
  }

  /** Opens the page for the hub of that origin. Throws `hub/unreachable` when it does not answer. */
  static async open(hub: string): Promise<HubFrame> {
    return new HubFrame(await PageFrame.open<HubApi>(documentOf(hub), 'Downloads', (api) => api.setToken(null)));
  }

  call<T>(use: (api: Remote<HubApi>) => Promise<T>): Promise<T> {
    return this.#frame.call(use);
  }

  /** Ends the page with all that it does. */
  close(): void {
    this.#frame.close();
  }
}

function documentOf(hub: string): string {
  return hub === HUGGING_FACE ? 'hub.html' : `mirror.html?${new URLSearchParams({ hub }).toString()}`;
}
