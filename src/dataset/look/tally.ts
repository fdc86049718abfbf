/** Counts by value, and what they come to. */

/** The largest counts, the largest first, and the sum of the others. Of equal counts the value that came first is first. */
export function topOf(
  counts: ReadonlyMap<string, number>,
  most: number,
): { readonly top: readonly (readonly [string, number])[]; readonly others: number } {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return { top: sorted.slice(0, most), others: sorted.slice(most).reduce((sum, [, count]) => sum + count, 0) };
}

/** Numbers by how often they come: as exact as a list of them all, and shorter. */
export class Numbers {
  readonly #times = new Map<number, number>();
  count = 0;

  add(value: number): void {
    this.#times.set(value, (this.#times.get(value) ?? 0) + 1);
    this.count++;
  }

  /** The smallest value that at least the share `q` of all does not exceed (the quantile by nearest rank); 0 for none. */
  quantile(q: number): number {
    let left = Math.max(1, Math.ceil(q * this.count));
    for (const [value, times] of this.#sorted()) {
      left -= times;
      if (left <= 0) return value;
    }
    return 0;
  }

  /** Counts of values from 0 up to the largest one in `bins` or fewer bins of the same whole width. */
  histogram(bins: number): { readonly width: number; readonly counts: readonly number[] } {
    const most = this.quantile(1);
    const width = Math.max(1, Math.ceil((most + 1) / bins));
    const counts = Array.from({ length: Math.floor(most / width) + 1 }, () => 0);
    for (const [value, times] of this.#times) {
      const bin = Math.floor(value / width);
      counts[bin] = (counts[bin] ?? 0) + times;
    }
    return { width, counts };
  }

  #sorted(): [number, number][] {
    return [...this.#times].sort(([a], [b]) => a - b);
  }
}
