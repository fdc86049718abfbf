/** What the address asks of the device. */

import type { DeviceOptions, ExecutorKind } from '../../workers/api';

/** The executor asked for by `?backend=`; `auto` without one. */
export function backendChoice(search: string): 'auto' | ExecutorKind {
  const asked = new URLSearchParams(search).get('backend');
  return asked === 'webgpu' || asked === 'wasm' ? asked : 'auto';
}

/** `?gate=fail:subgroups,shader-f16` makes the checks of these features fail; `?tune=on` times tiles on software adapters too. */
export function deviceOptions(search: string): DeviceOptions {
  const asked = new URLSearchParams(search);
  const [, names = ''] = /^fail:(.+)$/.exec(asked.get('gate') ?? '') ?? [];
  return { faulty: names.split(',').filter((name) => name !== ''), tune: asked.get('tune') === 'on' };
}
