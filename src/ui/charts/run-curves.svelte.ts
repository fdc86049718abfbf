/** The rows of a run that its charts draw, and the view that they share. Drawing takes time in proportion to the steps, so long runs are drawn less often. */

import { untrack } from 'svelte';
import type { RunHistory } from '../../../workers/api';
import type { ObjectiveKind } from '../../recipe/objectives';
import { lossCurves } from './measures';
import { xExtent, type Range } from './series';
import { ChartView } from './view.svelte';

export class RunCurves {
  readonly view = new ChartView();
  rows = $state.raw<RunHistory>({ steps: [], evals: [], samples: [] });
  readonly #kind: () => ObjectiveKind;
  readonly loss = $derived.by(() => lossCurves(this.rows, this.view, this.#kind()));
  /** Extent of the x axis. */
  readonly full = $derived<Range>(xExtent(this.loss.map((curve) => curve.points)) ?? [0, 1]);
  #drawnAt = 0;

  /** Follows `history`, of a run with the objective `kind`, as long as the component that creates it. */
  constructor(history: () => RunHistory, kind: () => ObjectiveKind) {
    this.#kind = kind;
    this.rows = untrack(history);
    $effect(() => {
      const next = history();
      const due = this.#drawnAt + 100 + next.steps.length / 40;
      const timer = setTimeout(() => {
        this.#drawnAt = performance.now();
        this.rows = next;
      }, due - performance.now());
      return () => clearTimeout(timer);
    });
  }
}
