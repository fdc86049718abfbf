/** The hub's page in a frame: the only part of Finetab that reaches another host. It exists once the user asked for it. */

import { wrap, type Remote } from 'comlink';
import type { HubApi } from '../../workers/api';
import { CodedError } from '../core/errors';
import { HUGGING_FACE } from '../core/hub';
import { scopeOf } from '../core/offline';

/** The frame has this long to answer. */
const OPENING_MS = 30_000;

/** The frame of one hub. */
export class HubFrame {
  readonly #frame: HTMLIFrameElement;
  readonly #api: Remote<HubApi>;

  private constructor(frame: HTMLIFrameElement, api: Remote<HubApi>) {
    this.#frame = frame;
    this.#api = api;
  }

  /** Opens the page for the hub of that origin. Throws `hub/unreachable` when it does not answer. */
  static async open(hub: string): Promise<HubFrame> {
    const frame = document.createElement('iframe');
    frame.hidden = true;
    frame.title = 'Downloads';
    frame.src = scopeOf(location.href) + documentOf(hub);
    const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }));
    document.body.append(frame);
    await loaded;
    const { port1, port2 } = new MessageChannel();
    frame.contentWindow?.postMessage(null, location.origin, [port2]);
    const opened = new HubFrame(frame, wrap<HubApi>(port1));
    await opened.#answered();
    return opened;
  }

  call<T>(use: (api: Remote<HubApi>) => Promise<T>): Promise<T> {
    return use(this.#api);
  }

  /** Ends the page with all that it does. */
  close(): void {
    this.#frame.remove();
  }

  async #answered(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(notOpened()), OPENING_MS)));
    try {
      await Promise.race([this.#api.setToken(null), late]);
    } catch (error) {
      this.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

function documentOf(hub: string): string {
  return hub === HUGGING_FACE ? 'hub.html' : `mirror.html?${new URLSearchParams({ hub }).toString()}`;
}

function notOpened(): CodedError {
  return new CodedError('hub/unreachable', 'The part of Finetab that downloads did not open. Reload the page, then try again.');
}
