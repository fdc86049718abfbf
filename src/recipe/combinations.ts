/** Ways to combine adapters to one, by PEFT's names of `add_weighted_adapter`. */

export const COMBINATION_KINDS = ['linear', 'cat', 'ties', 'dare_linear', 'dare_ties'] as const;

export type CombinationKind = (typeof COMBINATION_KINDS)[number];

/** How adapters are combined. */
export interface CombinationSettings {
  readonly kind: CombinationKind;
  /** Share of the values that are kept, 0 to 1; only of TIES and DARE. */
  readonly density: number;
  /** Of the values that DARE keeps. */
  readonly seed: number;
}

/** The values of each adapter are pruned first. */
export function prunes(kind: CombinationKind): boolean {
  return kind !== 'linear' && kind !== 'cat';
}

/** The values that are kept are drawn at random. */
export function draws(kind: CombinationKind): boolean {
  return kind === 'dare_linear' || kind === 'dare_ties';
}
