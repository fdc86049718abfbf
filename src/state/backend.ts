/** Which executor the address asks for. */

import type { ExecutorKind } from '../../workers/api';

/** The executor asked for by `?backend=`; `auto` without one. */
export function backendChoice(search: string): 'auto' | ExecutorKind {
  const asked = new URLSearchParams(search).get('backend');
  return asked === 'webgpu' || asked === 'wasm' ? asked : 'auto';
}
