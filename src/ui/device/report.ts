/** The measurement of a device as rows, and as a text for a report. Pure. */

import type { Reported } from '../../state/device-report.svelte';
import { count, percent } from '../format';

export interface Row {
  readonly what: string;
  readonly rate: string;
  /** Of the peak; empty where it has none. */
  readonly share: string;
}

export function rowsOf({ model, report }: Pick<Reported, 'model' | 'report'>): readonly Row[] {
  const { peak, bytes, node, products, step } = report;
  const share = (rate: number) => (peak === null ? '' : percent(Number((rate / peak).toPrecision(2))));
  const arithmetic = (what: string, rate: number): Row => ({ what, rate: rateWords(rate), share: share(rate) });
  return [
    ...(peak === null ? [] : [{ what: 'Peak: multiply-adds in registers', rate: rateWords(peak), share: '' }]),
    { what: 'Memory: weights read by products of one row', rate: `${trimmed(bytes / 1e9)} GB/s`, share: '' },
    { what: 'Each operation besides its work', rate: `${trimmed(node * 1e6)} µs`, share: '' },
    ...products.map((one) => arithmetic(`Product, ${count(one.rows)} × ${count(one.size)} × ${count(one.size)}`, one.flops)),
    arithmetic(`Training step of ${model}, ${count(step.tokens)} tokens`, step.flops / step.seconds),
    { what: 'Tokens per second of that step', rate: count(step.tokens / step.seconds), share: '' },
  ];
}

/** Plain text with one row per line. */
export function reportText(reported: Reported, browser: string): string {
  const rows = rowsOf(reported).map(
    ({ what, rate, share }) => `${what}: ${rate}${share === '' ? '' : ` (${share} of the peak)`}`,
  );
  return [`Device: ${reported.adapter}`, `Browser: ${browser}`, ...rows, ''].join('\n');
}

/** `98.3 GFLOP/s`, `12.1 TFLOP/s`. */
function rateWords(rate: number): string {
  return rate >= 1e12 ? `${trimmed(rate / 1e12)} TFLOP/s` : `${trimmed(rate / 1e9)} GFLOP/s`;
}

const trimmed = (value: number): string => String(Number(value.toPrecision(3)));
