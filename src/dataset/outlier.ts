/** An example this many times as long as the median one is an outlier. */
export const OUTLIER = 20;
