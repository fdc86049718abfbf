/** The view that a group of charts shares: x axis, scale, smoothing, zoom and cursor. */

import { panned, zoomed, type Range } from './series';

export type XAxis = 'step' | 'time';

let views = 0;

export class ChartView {
  xAxis = $state<XAxis>('step');
  log = $state(false);
  clip = $state(false);
  /** Weight of the previous values in the smoothed curve, 0 … 0.99. */
  smoothing = $state(0.8);
  /** The x range shown; null shows everything and follows new data. */
  zoom = $state.raw<Range | null>(null);
  /** Position of the pointer or the arrow keys on the x axis. */
  cursor = $state<number | null>(null);
  /** Plots with the same key move their cursors together. */
  readonly syncKey = `charts-${++views}`;

  showBy(xAxis: XAxis): void {
    this.xAxis = xAxis;
    this.reset();
  }

  zoomTo(range: Range): void {
    this.zoom = range;
  }

  /** `full` is the extent of the data. */
  zoomBy(factor: number, full: Range): void {
    this.zoom = zoomed(this.zoom ?? full, full, factor, this.cursor ?? undefined);
  }

  panBy(share: number, full: Range): void {
    if (this.zoom) this.zoom = panned(this.zoom, full, share);
  }

  reset(): void {
    this.zoom = null;
    this.cursor = null;
  }
}
