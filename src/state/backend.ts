/** Options in the address of the page. */

import type { DeviceOptions, ExecutorKind } from '../../workers/api';
import { SILENCE_LIMITS, type SilenceLimits } from './watchdog';

const EXECUTORS: readonly ExecutorKind[] = ['webgpu', 'wasm', 'tfjs-webgpu', 'tfjs-wasm'];

/** The executor that `?backend=` names; `auto` without one. */
export function backendChoice(search: string): 'auto' | ExecutorKind {
  const asked = new URLSearchParams(search).get('backend');
  return EXECUTORS.find((executor) => executor === asked) ?? 'auto';
}

/**
 * `?gate=fail:subgroups,shader-f16,base` makes the start-up checks of these features, or of our kernels (`base`), fail; `?tune=on`
 * times tiles on software adapters too; `?software=on` treats a software adapter as a real GPU.
 */
export function deviceOptions(search: string): DeviceOptions {
  const asked = new URLSearchParams(search);
  const [, names = ''] = /^fail:(.+)$/.exec(asked.get('gate') ?? '') ?? [];
  return {
    faulty: names.split(',').filter((name) => name !== ''),
    tune: asked.get('tune') === 'on',
    software: asked.get('software') === 'on',
  };
}

/** `?silence=5`: a run counts as hung after 5 seconds without an event, unless its own gaps are longer; see watchdog.ts. */
export function silenceLimits(search: string): SilenceLimits {
  const seconds = Number(new URLSearchParams(search).get('silence'));
  return seconds > 0 ? { beforeFirstStep: 1000 * seconds, training: 1000 * seconds } : SILENCE_LIMITS;
}
