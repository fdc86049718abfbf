/** Keeps the screen awake during a run, and notifies when it ended. */

import { recall, remember } from './storage';

/** Holds a screen wake lock while `on`. The browser releases it when the page is hidden, so it is requested again. */
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
      // Refused on low battery or by a policy; training does not depend on it.
    }
  }
}

export type NotifyChoice = 'off' | 'on' | 'refused' | 'missing';

export function notifyChoice(): NotifyChoice {
  if (typeof Notification === 'undefined') return 'missing';
  if (Notification.permission === 'denied') return 'refused';
  return Notification.permission === 'granted' && recall('notify') === true ? 'on' : 'off';
}

/** Requests the permission if it was not requested before; call it from a click only. */
export async function chooseNotify(on: boolean): Promise<NotifyChoice> {
  if (on && typeof Notification !== 'undefined' && Notification.permission === 'default') await Notification.requestPermission();
  remember('notify', on ? true : null);
  return notifyChoice();
}

/** Shows a notification if the user wants it and the page is hidden. */
export function notify(title: string, body: string): void {
  if (notifyChoice() !== 'on' || document.visibilityState === 'visible') return;
  try {
    new Notification(title, { body, tag: 'finetab' });
  } catch {
    // Android shows notifications from service workers only.
  }
}
