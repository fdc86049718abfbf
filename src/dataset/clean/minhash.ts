/**
 * Near duplicates among any number of texts, in linear time and without the texts in memory.
 *
 * Candidates come from MinHash (Broder, "On the resemblance and containment of documents", 1997) in bands (locality-sensitive hashing;
 * Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3): the bands are as long as they may be for two texts at the
 * threshold to share one with a probability of 99 %. At 0.8 they have 5 of the 80 hashes (99.8 %; texts that are alike to 0.3 share one
 * with 4 %). Candidates are verified by their sketch: the 512 smallest hashes. Up to 512 shingles that is the whole set, and the index is
 * exact; of longer texts it is an estimate with a standard deviation of 0.018 at 0.8.
 */

import { Buckets } from './buckets';
import { mix } from '../row-hash';

const HASHES = 80;
const RECALL = 0.99;
const SKETCH = 512;

/** How many texts of one bucket are compared with a new one, the latest: it keeps the time linear when a bucket is large. */
const MOST_IN_BUCKET = 32;

const FLIPS = Uint32Array.from({ length: HASHES }, (_, i) => mix(2 * i + 1));
const FACTORS = Uint32Array.from({ length: HASHES }, (_, i) => mix(2 * i + 2) | 1);

/** An earlier text that is like a new one. */
export interface Match {
  /** The number under which it was added. */
  readonly id: number;
  /** Jaccard's index of the two sets of shingles. */
  readonly similarity: number;
}

interface Entry {
  readonly id: number;
  readonly key: number;
  readonly sketch: Uint32Array;
}

/** The texts that were added, to find those that a new one is like. About 400 bytes a text, and 4 for each shingle up to 512. */
export class NearDuplicates {
  readonly #entries: Entry[] = [];
  readonly #buckets = new Buckets();
  /** The search in which an entry was compared last. */
  readonly #compared: number[] = [];
  #searches = 0;
  readonly #threshold: number;
  /** Hashes of a band. */
  readonly #length: number;

  /** `threshold`: the Jaccard index from which two texts are near duplicates. */
  constructor(threshold: number) {
    this.#threshold = threshold;
    this.#length = bandLength(threshold);
  }

  /**
   * The texts that this one is a near duplicate of, the most similar first: of those that were added with the same `key`, the latest
   * 32 that share a band. None for a text without shingles. `shingles` is ascending and distinct (`shinglesOf`).
   */
  find(shingles: Uint32Array, key = 0): Match[] {
    return this.#find(shingles, key, bandsOf(shingles, key, this.#length));
  }

  /** Adds a text, to be found by those that follow. */
  add(id: number, shingles: Uint32Array, key = 0): void {
    this.#add(id, shingles, key, bandsOf(shingles, key, this.#length));
  }

  /** `find`, and `add` if that finds nothing: of texts that are alike, only the first is kept. `counts`: the matches that count; all if absent. */
  findOrAdd(id: number, shingles: Uint32Array, key = 0, counts: (match: Match) => boolean = () => true): Match | null {
    const bands = bandsOf(shingles, key, this.#length);
    const match = this.#find(shingles, key, bands).find(counts);
    if (match === undefined) this.#add(id, shingles, key, bands);
    return match ?? null;
  }

  #find(shingles: Uint32Array, key: number, bands: readonly number[]): Match[] {
    const search = ++this.#searches;
    const matches: Match[] = [];
    const compare = (index: number): void => {
      const entry = this.#entries[index];
      if (entry === undefined || this.#compared[index] === search) return;
      this.#compared[index] = search;
      const similarity = entry.key === key ? similarityOf(shingles, entry.sketch) : 0;
      if (similarity >= this.#threshold) matches.push({ id: entry.id, similarity });
    };
    for (const band of bands) this.#buckets.visit(band, MOST_IN_BUCKET, compare);
    return matches.sort((a, b) => b.similarity - a.similarity || a.id - b.id);
  }

  #add(id: number, shingles: Uint32Array, key: number, bands: readonly number[]): void {
    if (shingles.length === 0) return;
    const index = this.#entries.push({ id, key, sketch: shingles.slice(0, SKETCH) }) - 1;
    this.#compared.push(0);
    for (const band of bands) this.#buckets.add(band, index);
  }
}

/** The most hashes of a band with which texts that are alike to `threshold` share a band with a probability of `RECALL`. */
function bandLength(threshold: number): number {
  const recall = (length: number): number => 1 - (1 - threshold ** length) ** Math.floor(HASHES / length);
  let length = 1;
  while (length < HASHES && recall(length + 1) >= RECALL) length++;
  return length;
}

/** One hash for each band of `length` hashes; none for a text without shingles. */
function bandsOf(shingles: Uint32Array, key: number, length: number): number[] {
  if (shingles.length === 0) return [];
  return Array.from({ length: Math.floor(HASHES / length) }, (_, band) => {
    let hash = mix(key ^ (band + 1));
    for (let i = band * length; i < (band + 1) * length; i++) hash = mix(Math.imul(hash, 31) ^ smallest(shingles, i));
    return hash;
  });
}

/** The smallest of the shingles' hashes under permutation `index` of the 32-bit numbers. */
function smallest(shingles: Uint32Array, index: number): number {
  const flip = FLIPS[index] ?? 0;
  const factor = FACTORS[index] ?? 1;
  let least = 0xffffffff;
  for (let at = 0; at < shingles.length; at++) {
    // A product keeps the order of the low bits; folding the high ones into them makes it a permutation without a pattern.
    const product = Math.imul((shingles[at] ?? 0) ^ flip, factor);
    const hash = (product ^ (product >>> 15)) >>> 0;
    if (hash < least) least = hash;
  }
  return least;
}

/**
 * Jaccard's index of a set and of one known by its sketch: among the 512 smallest hashes of both together, the part that both have
 * (a bottom-k sketch; Cohen and Kaplan, "Summarizing data using bottom-k sketches", 2007). Exact where both sets have at most 512.
 */
function similarityOf(a: Uint32Array, sketch: Uint32Array): number {
  const most = a.length > SKETCH || sketch.length === SKETCH ? SKETCH : a.length + sketch.length;
  let [i, j, shared, all] = [0, 0, 0, 0];
  for (; all < most && (i < a.length || j < sketch.length); all++) {
    const left = i < a.length ? (a[i] ?? 0) : Infinity;
    const right = j < sketch.length ? (sketch[j] ?? 0) : Infinity;
    if (left === right) shared++;
    if (left <= right) i++;
    if (right <= left) j++;
  }
  return all === 0 ? 0 : shared / all;
}

/**
 * Groups of texts, by index, of which each is a near duplicate of another one in its group: of two or more, in the order of their first
 * text. A text in several groups joins them.
 */
export class NearGroups {
  readonly #index: NearDuplicates;
  readonly #first: number[] = [];

  /** `threshold`: as of `NearDuplicates`. */
  constructor(threshold: number) {
    this.#index = new NearDuplicates(threshold);
  }

  /** Adds the next text. */
  add(shingles: Uint32Array): void {
    const id = this.#first.push(this.#first.length) - 1;
    for (const match of this.#index.find(shingles)) join(this.#first, match.id, id);
    this.#index.add(id, shingles);
  }

  groups(): number[][] {
    const groups = new Map<number, number[]>();
    this.#first.forEach((_, id) => {
      const root = rootOf(this.#first, id);
      const group = groups.get(root);
      if (group === undefined) groups.set(root, [id]);
      else group.push(id);
    });
    return [...groups.values()].filter((group) => group.length > 1);
  }
}

/** The groups of texts that are at hand. */
export function nearGroups(sets: Iterable<Uint32Array>, threshold: number): number[][] {
  const groups = new NearGroups(threshold);
  for (const shingles of sets) groups.add(shingles);
  return groups.groups();
}

/** The first text of a group, which leads to itself; every other one leads to an earlier one. Halves the path on the way. */
function rootOf(first: number[], id: number): number {
  const before = first[id] ?? id;
  if (before === id) return id;
  const further = first[before] ?? before;
  first[id] = further;
  return rootOf(first, further);
}

function join(first: number[], a: number, b: number): void {
  const [one, other] = [rootOf(first, a), rootOf(first, b)];
  first[Math.max(one, other)] = Math.min(one, other);
}
