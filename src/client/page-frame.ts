/** A page of Finetab with a policy of its own in a hidden frame, which is called through a channel. */

import { wrap, type Remote } from 'comlink';
import { CodedError } from '../core/errors';
import { scopeOf } from '../core/offline';

/** The frame has this long to answer. */
const OPENING_MS = 30_000;

export class PageFrame<Api> {
  readonly #frame: HTMLIFrameElement;
  readonly #api: Remote<Api>;

  private constructor(frame: HTMLIFrameElement, api: Remote<Api>) {
    this.#frame = frame;
    this.#api = api;
  }

  /** Opens a page beside this one, which has to answer `ask`. Throws `hub/unreachable` when it does not. */
  static async open<Api>(page: string, title: string, ask: (api: Remote<Api>) => Promise<unknown>): Promise<PageFrame<Api>> {
    const frame = document.createElement('iframe');
    frame.hidden = true;
    frame.title = title;
    frame.src = scopeOf(location.href) + page;
    const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }));
    document.body.append(frame);
    await loaded;
    const { port1, port2 } = new MessageChannel();
    frame.contentWindow?.postMessage(null, location.origin, [port2]);
    const opened = new PageFrame<Api>(frame, wrap<Api>(port1));
    await opened.#answered(ask);
    return opened;
  }

  call<T>(use: (api: Remote<Api>) => Promise<T>): Promise<T> {
    return use(this.#api);
  }

  /** Ends the page with all that it does. */
  close(): void {
    this.#frame.remove();
  }

  async #answered(ask: (api: Remote<Api>) => Promise<unknown>): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(notOpened()), OPENING_MS)));
    try {
      await Promise.race([ask(this.#api), late]);
    } catch (error) {
      this.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

function notOpened(): CodedError {
  return new CodedError('hub/unreachable', 'The part of Finetab that downloads did not open. Reload the page, then try again.');
}
