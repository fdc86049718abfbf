/** While a run goes: keeps the screen awake, and tells someone who looked away when it ended. */

import { recall, remember } from './storage';

/** Holds a screen wake lock while `on`; the browser drops it when the page is hidden, so it is taken again. */
export class WakeLock {
  #wanted = false;
  #lock: WakeLockSentinel | null = null;

  constructor() {
    document.addEventListener('visibilitychange', () => void this.#take());
  }

  set(on: boolean): void {
    this.#wanted = on;
    if (on) void this.#take();
    else void this.#lock?.release();
  }

  async #take(): Promise<void> {
    if (!this.#wanted || document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
    try {
      this.#lock = await navigator.wakeLock.request('screen');
    } catch {
      // Low battery or a policy refuses it; training goes on without.
    }
  }
}

export type NotifyChoice = 'off' | 'on' | 'refused' | 'missing';

export function notifyChoice(): NotifyChoice {
  if (typeof Notification === 'undefined') return 'missing';
  if (Notification.permission === 'denied') return 'refused';
  return Notification.permission === 'granted' && recall('notify') === true ? 'on' : 'off';
}

/** Asks the browser if it has not been asked; call it from a click only. */
export async function chooseNotify(on: boolean): Promise<NotifyChoice> {
  if (on && typeof Notification !== 'undefined' && Notification.permission === 'default') await Notification.requestPermission();
  remember('notify', on ? true : null);
  return notifyChoice();
}

/** Shows a notification if it was asked for and the page is out of sight. */
export function notify(title: string, body: string): void {
  if (notifyChoice() !== 'on' || document.visibilityState === 'visible') return;
  try {
    new Notification(title, { body, tag: 'finetab' });
  } catch {
    // Android shows notifications from service workers only.
  }
}
