/** Histograms of token lengths with round bin widths. */

const MAX_BINS = 40;

/** `counts[i]` of the lengths lie in [i·width, (i+1)·width); the width is 1, 2 or 5 times a power of ten. */
export function histogramOf(lengths: readonly number[]): { width: number; counts: number[] } {
  const most = lengths.reduce((max, length) => Math.max(max, length), 0);
  const width = roundWidth((most + 1) / MAX_BINS);
  const counts = new Array<number>(Math.floor(most / width) + 1).fill(0);
  for (const length of lengths) {
    const bin = Math.floor(length / width);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { width, counts };
}

function roundWidth(atLeast: number): number {
  for (let power = 1; ; power *= 10) {
    for (const factor of [1, 2, 5]) if (factor * power >= atLeast) return factor * power;
  }
}
