/** Combined adapters are those of PEFT's `add_weighted_adapter`; fixtures/make_combined.py wrote them. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { combine, combinedRank, type WeightedAdapter } from '../../src/method/combine';
import type { CombinationKind } from '../../src/recipe/combinations';
import { defaultMethod, type LoraSettings } from '../../src/recipe/methods';

type Tensors = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>>;

interface Case {
  readonly adapters: readonly (Pick<LoraSettings, 'rank' | 'alpha' | 'useRslora'> & {
    readonly weight: number;
    readonly tensors: Tensors;
  })[];
  readonly combined: readonly {
    readonly kind: CombinationKind;
    readonly density: number | null;
    readonly rank: number;
    readonly alpha: number;
    readonly tensors: Tensors;
  }[];
}

const { seed, cases } = JSON.parse(readFileSync(new URL('fixtures/combined.json', import.meta.url), 'utf8')) as {
  readonly seed: number;
  readonly cases: readonly Case[];
};

function adaptersOf({ adapters }: Case): readonly WeightedAdapter[] {
  return adapters.map(({ rank, alpha, useRslora, weight, tensors }) => ({
    settings: { ...(defaultMethod('lora') as LoraSettings), rank, alpha, useRslora },
    tensors: Object.entries(tensors).map(([name, { shape, data }]) => ({ name, shape, data: Float32Array.from(data) })),
    weight,
  }));
}

const all = cases.flatMap((one) => one.combined.map((combined) => ({ one, ...combined })));

describe('adapters combined by', () => {
  it.each(all)('$kind, density $density, rank $rank: as PEFT does', ({ one, kind, density, rank, alpha, tensors }) => {
    const adapters = adaptersOf(one);
    const ranks = adapters.map(({ settings }) => settings.rank);
    expect([combinedRank(kind, ranks), alpha]).toEqual([rank, rank]);
    const found = combine(adapters, { kind, density: density ?? 1, seed });
    expect(found.map(({ name }) => name).sort()).toEqual(Object.keys(tensors).sort());
    for (const { name, shape, data } of found) {
      const expected = tensors[name] ?? { shape: [], data: [] };
      expect(shape, name).toEqual(expected.shape);
      const furthest = Math.max(...expected.data.map((x, i) => Math.abs(x - (data[i] ?? NaN))));
      expect(furthest, name).toBeLessThan(1e-6);
    }
  });

  it('another seed draws other values', () => {
    const [first] = cases;
    if (first === undefined) throw new Error('no case');
    const drawn = (own: number) => combine(adaptersOf(first), { kind: 'dare_linear', density: 0.5, seed: own });
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
  });
});
