/** Names of activations in config.json. */

import type { Fields } from '../config-fields';

/** transformers' names, and the functions that compute them. */
const ACTIVATIONS = { gelu_new: 'gelu_tanh', gelu_pytorch_tanh: 'gelu_tanh', gelu: 'gelu', relu: 'relu' } as const;

export type Activation = (typeof ACTIVATIONS)[keyof typeof ACTIVATIONS];

/** Reads the activation's name from `field`; refuses others. */
export function readActivation(fields: Fields, field: string, fallback: keyof typeof ACTIVATIONS): Activation {
  const value = fields.raw(field) ?? fallback;
  const known = Object.entries(ACTIVATIONS).find(([name]) => name === value)?.[1];
  if (known === undefined)
    fields.refuse(field, `is ${JSON.stringify(value)}; supported are ${Object.keys(ACTIVATIONS).join(', ')}`);
  return known ?? ACTIVATIONS[fallback];
}
