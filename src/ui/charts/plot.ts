/** Draws curves with uPlot, with colours from the page's custom properties, and ranges, ticks and zoom of our own. */

import uPlot from 'uplot';
import type { Curve } from './curve';
import { axisLabel, clock } from './figures';
import { align, cut, thin, ticks, timeTicks, within, yRange, type AxisStyle, type Points, type Range } from './series';
import type { XAxis } from './view.svelte';

/** What `show` can change. */
export interface Picture {
  readonly curves: readonly Curve[];
  /** The x range to show; null for all of it. */
  readonly zoom: Range | null;
  /** The whole x axis, the same for charts that share a view. */
  readonly full: Range;
  readonly xAxis: XAxis;
  readonly style: AxisStyle;
}

export interface PlotHandlers {
  /** A range was selected by dragging. */
  readonly onZoom: (range: Range) => void;
  /** The cursor of this or a synced plot is at x; null when it left. */
  readonly onCursor: (x: number | null) => void;
}

const drawnPoints = 3000;

/** One canvas. The owner builds a new one when `log`, the number or the style of curves change, and else calls `show`. */
export class Plot {
  readonly #uplot: uPlot;
  readonly #host: HTMLElement;
  readonly #observer: ResizeObserver;
  readonly #probe = document.createElement('span');
  readonly #colors = new Map<string, string>();
  #picture: Picture;
  #drawn: Points[] = [];

  constructor(host: HTMLElement, height: number, syncKey: string, picture: Picture, handlers: PlotHandlers) {
    this.#host = host;
    this.#picture = picture;
    // With forced colours all curves would have one colour, and grids that of curves.
    this.#probe.style.setProperty('forced-color-adjust', 'none');
    host.append(this.#probe);
    this.#uplot = new uPlot(this.#options(height, syncKey, handlers), this.#data(), host);
    this.#observer = new ResizeObserver(() => this.#uplot.setSize({ width: this.#width(), height }));
    this.#observer.observe(host);
  }

  show(picture: Picture): void {
    this.#picture = picture;
    this.#uplot.setData(this.#data());
  }

  /** Moves the cursor line to x, or hides it (null), here and in synced plots. */
  point(x: number | null): void {
    const left = x === null ? -10 : this.#uplot.valToPos(x, 'x');
    this.#uplot.setCursor({ left, top: x === null ? -10 : 0 });
  }

  /** Redraws with the present colours. */
  redraw(): void {
    this.#colors.clear();
    this.#uplot.redraw(false);
  }

  destroy(): void {
    this.#observer.disconnect();
    this.#uplot.destroy();
    this.#probe.remove();
  }

  #width(): number {
    return Math.max(160, Math.floor(this.#host.clientWidth));
  }

  /** The visible part of each curve, thinned: it is drawn, and determines the y range. */
  #thinned(): Points[] {
    return this.#picture.curves.map((curve) => thin(cut(curve.points, this.#picture.zoom), drawnPoints));
  }

  #data(): uPlot.AlignedData {
    this.#drawn = this.#thinned();
    const [xs, ...columns] = align(this.#drawn);
    return this.#picture.style.log ? [xs, ...columns.map((ys) => ys.map(logOrNull))] : [xs, ...columns];
  }

  /** A custom property as a colour for a canvas: browsers resolve `light-dark()` only in real properties. */
  #color(property: string): string {
    const known = this.#colors.get(property);
    if (known !== undefined) return known;
    this.#probe.style.color = `var(${property})`;
    const { color } = getComputedStyle(this.#probe);
    this.#colors.set(property, color);
    return color;
  }

  #xRange = (): uPlot.Range.MinMax => {
    const [low, high] = this.#picture.zoom ?? this.#picture.full;
    return [low, high];
  };

  #yRange = (): uPlot.Range.MinMax => {
    const shown = (marks: boolean): number[] =>
      this.#drawn.flatMap((points, i) =>
        (this.#picture.curves[i]?.kind === 'marks') === marks ? within(points, this.#picture.zoom) : [],
      );
    const [low, high] = yRange(shown(false), this.#picture.style, shown(true));
    return this.#picture.style.log ? [Math.log10(low), Math.log10(high)] : [low, high];
  };

  #options(height: number, syncKey: string, handlers: PlotHandlers): uPlot.Options {
    return {
      width: this.#width(),
      height,
      legend: { show: false },
      padding: [8, 12, 0, 0],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        points: { size: 6 },
        sync: { key: syncKey, setSeries: false, scales: ['x', null] },
      },
      scales: {
        x: { time: false, range: this.#xRange },
        y: { range: this.#yRange },
      },
      axes: [this.#xAxis(), this.#yAxis(this.#picture.style.log)],
      series: [{}, ...this.#picture.curves.map((curve) => this.#series(curve))],
      hooks: { setSelect: [(u) => select(u, handlers)], setCursor: [(u) => point(u, handlers)] },
    };
  }

  #xAxis(): uPlot.Axis {
    return {
      ...this.#axis(),
      size: 28,
      splits: (u, _, min, max) => this.#xTicks(min, max, Math.max(2, Math.floor(u.bbox.width / devicePixelRatio / 60))),
      values: (_, all) => all.map((x) => (this.#picture.xAxis === 'step' ? axisLabel(x) : clock(x))),
    };
  }

  #yAxis(log: boolean): uPlot.Axis {
    return {
      ...this.#axis(),
      size: 56,
      splits: (u, _, min, max) => this.#yTicks(min, max, Math.max(2, Math.floor(u.bbox.height / devicePixelRatio / 32)), log),
      values: (_, all) => all.map((y) => axisLabel(log ? 10 ** y : y)),
    };
  }

  #axis(): uPlot.Axis {
    const line = { stroke: () => this.#color('--line'), width: 1 };
    return {
      stroke: () => this.#color('--ink-soft'),
      font: '12px system-ui, sans-serif',
      grid: line,
      ticks: { ...line, size: 4 },
      filter: (_, all) => all,
    };
  }

  /** Steps are whole numbers; an empty chart has no labels on its axes. */
  #xTicks(min: number, max: number, count: number): number[] {
    if (this.#isEmpty()) return [];
    return this.#picture.xAxis === 'step' ? ticks(min, max, count).filter(Number.isInteger) : timeTicks(min, max, count);
  }

  /** A log axis is drawn as the decadic logarithm on a linear one. */
  #yTicks(min: number, max: number, count: number, log: boolean): number[] {
    if (this.#isEmpty()) return [];
    return log ? ticks(10 ** min, 10 ** max, count, true).map(Math.log10) : ticks(min, max, count);
  }

  #isEmpty(): boolean {
    return this.#picture.curves.every((curve) => curve.points.xs.length === 0);
  }

  #series(curve: Curve): uPlot.Series {
    const marks = curve.kind === 'marks';
    return {
      label: curve.label,
      stroke: () => this.#color(curve.ink),
      width: curve.kind === 'faint' ? 1 : 2,
      alpha: curve.kind === 'faint' ? 0.5 : 1,
      ...(curve.dash && { dash: [...curve.dash] }),
      spanGaps: true,
      points: marks
        ? { show: true, size: 8, width: 2, stroke: () => this.#color(curve.ink), fill: () => this.#color('--surface') }
        : { show: curve.points.xs.length < 2, size: 6 },
    };
  }
}

const logOrNull = (y: number | null): number | null => (y !== null && y > 0 ? Math.log10(y) : null);

function select(u: uPlot, { onZoom }: PlotHandlers): void {
  if (u.select.width < 4) return;
  onZoom([u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')]);
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}

function point(u: uPlot, { onCursor }: PlotHandlers): void {
  const { left } = u.cursor;
  onCursor(left === undefined || left < 0 ? null : u.posToVal(left, 'x'));
}
