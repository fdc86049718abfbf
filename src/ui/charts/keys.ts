/** Keys of a chart: arrows move the cursor, shift-arrows pan, + and − zoom, Escape shows everything. */

import type { Range } from './series';
import type { ChartView } from './view.svelte';

/** Applies a key to the view; false when the key has no meaning here. `full` is the extent of the data. */
export function moved(event: Pick<KeyboardEvent, 'key' | 'shiftKey'>, view: ChartView, full: Range): boolean {
  const action = event.shiftKey && event.key.startsWith('Arrow') ? pans[event.key] : keys[event.key];
  action?.(view, full);
  return action !== undefined;
}

type Action = (view: ChartView, full: Range) => void;

const keys: Readonly<Record<string, Action>> = {
  ArrowLeft: (view, full) => walk(view, full, -0.02),
  ArrowRight: (view, full) => walk(view, full, 0.02),
  PageUp: (view, full) => walk(view, full, 0.1),
  PageDown: (view, full) => walk(view, full, -0.1),
  Home: (view, full) => (view.cursor = (view.zoom ?? full)[0]),
  End: (view, full) => (view.cursor = (view.zoom ?? full)[1]),
  '+': (view, full) => view.zoomBy(0.5, full),
  '=': (view, full) => view.zoomBy(0.5, full),
  '-': (view, full) => view.zoomBy(2, full),
  Escape: (view) => view.reset(),
};

const pans: Readonly<Record<string, Action>> = {
  ArrowLeft: (view, full) => view.panBy(-0.25, full),
  ArrowRight: (view, full) => view.panBy(0.25, full),
};

/** Moves the cursor by a share of the visible range, at least one step on the step axis. */
function walk(view: ChartView, full: Range, share: number): void {
  const [low, high] = view.zoom ?? full;
  const from = view.cursor ?? (share < 0 ? high : low);
  const least = view.xAxis === 'step' ? 1 : 0;
  const distance = Math.sign(share) * Math.max(least, Math.abs(share) * (high - low));
  const to = from + distance;
  view.cursor = Math.min(high, Math.max(low, view.xAxis === 'step' ? Math.round(to) : to));
}
