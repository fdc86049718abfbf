/**
 * Versions of everything that decides the bytes of a run besides recipe and data. A run keeps the version that it was started
 * with, so that a resumed run continues exactly.
 *
 * 1: documents and rows are shuffled from one random stream; a measurement reads the first held-out examples of the file.
 * 2: rows are shuffled from a stream of their own; a measurement reads a seeded sample of the held-out examples.
 * 3: the random start of a parameter is keyed by its name instead of its index.
 */
export type Numerics = 1 | 2 | 3;

/** The version of new runs. */
export const NUMERICS: Numerics = 3;
