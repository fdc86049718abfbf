/** `layer_types` of config.json: which layers have a window. */

import type { Fields } from '../config-fields';
import type { LayerType } from '../rope';

const KNOWN: readonly LayerType[] = ['full_attention', 'sliding_attention'];

/** The type of each layer; null when the field is absent. Problems are added to `fields`, and the list is then shorter. */
export function readLayerTypes(fields: Fields, layers: number): readonly LayerType[] | null {
  const value = fields.raw('layer_types') ?? null;
  if (value === null) return null;
  const types: readonly unknown[] = Array.isArray(value) ? value : [value];
  const known = types.flatMap((type) => KNOWN.filter((each) => each === type));
  if (known.length < types.length) {
    const odd = types.find((type) => !KNOWN.some((each) => each === type));
    fields.refuse('layer_types', `has ${JSON.stringify(odd)}; only ${KNOWN.join(' and ')} are supported`);
  } else if (types.length !== layers) fields.wrong('layer_types', `names ${types.length} layers; the model has ${layers}`);
  return known;
}
