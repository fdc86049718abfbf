/** How a run goes, in one sentence with its evidence. Pure: from the run's record and its rows alone. */

import type { EarlyStop, EvalRow, RunHistory, RunStatus, RunView } from '../../../workers/api';
import { learnsFromRewards, type ObjectiveKind } from '../../recipe/objectives';
import { holdsOut } from '../../state/parts';
import { mayEndEarly } from '../../recipe/monitors';
import { share } from '../charts/figures';
import { heldOutValue } from '../charts/held-out';
import { MONITOR_NAMES } from '../charts/metric-names';
import { count, plural } from '../format';
import { GAUGES, leastOf, pointsOf, type Gauge } from './gauges';
import { fallOf, trendOf, type Fall, type Point, type Trend } from './trend';

/** What the sentence says: its words change with the figures, this seldom. */
export type Standing = 'waiting' | 'unknown' | 'early' | 'better' | 'flat' | 'overfit' | 'worse' | 'result';

export interface Verdict {
  readonly standing: Standing;
  /** The first words, with the punctuation after them. */
  readonly lead: string;
  /** The evidence, and what can be done. */
  readonly rest: string;
}

export interface Judged {
  readonly run: Pick<RunView, 'status' | 'totalSteps' | 'recipe' | 'parts' | 'checkpoints' | 'labels' | 'earlyStop'>;
  readonly kind: ObjectiveKind;
  readonly history: Pick<RunHistory, 'steps' | 'evals'>;
}

/** What is known about one run. */
interface Case extends Judged {
  readonly loss: Trend;
  readonly metric: Metric | null;
}

/** A gauge with what was measured. */
interface Metric {
  readonly gauge: Gauge;
  readonly first: Point;
  readonly last: Point;
  readonly direction: Trend['direction'];
  /** Step of the last measurement that counted as better. */
  readonly since: number;
  /** What needs no learning and is not clearly exceeded, in words; empty when it is. */
  readonly chance: string;
}

const ENDED: readonly RunStatus[] = ['finished', 'stopped', 'failed'];

/** Before a new run has a record. */
export const PREPARING: Verdict = {
  standing: 'waiting',
  lead: 'Preparing:',
  rest: 'after the first steps you read here whether it gets better on unseen examples.',
};

const WAITING: Verdict = {
  standing: 'waiting',
  lead: 'Waiting for the first measurement on unseen examples:',
  rest: 'until then only the training error is known.',
};

export function verdictOf(judged: Judged): Verdict {
  const { run, kind, history } = judged;
  const ended = ENDED.includes(run.status);
  const loss = trendOf(pointsOf(history.evals, null), run);
  if (loss === null) return !holdsOut(run) || ended ? unknown(judged) : WAITING;
  const found: Case = { ...judged, loss, metric: metricOf(judged, GAUGES[kind]) };
  if (ended) return result(found);
  return found.metric === null ? ofLoss(found) : ofMetric(found, found.metric);
}

function unknown({ history: { steps } }: Judged): Verdict {
  const [first, last] = [steps[0], steps.at(-1)];
  const error = first === undefined || last === undefined ? '' : ` (${change(first.loss, last.loss)})`;
  return {
    standing: 'unknown',
    lead: 'Nobody can tell how well it does on unseen examples:',
    rest: `none are held out, and the training error${error} says only how well it knows its own. Hold some out in the Recipe stage, then start again.`,
  };
}

function metricOf({ run, history: { evals } }: Judged, gauge: Gauge | null): Metric | null {
  const newest = evals.at(-1);
  if (gauge === null || newest === undefined) return null;
  const points = pointsOf(evals, gauge.key);
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return null;
  const least = gauge.share ? leastOf(last.value, newest.confusion) : 0;
  const descending = points.map(({ step, value }) => ({ step, value: gauge.better === 'higher' ? -value : value }));
  const trend = trendOf(descending, { totalSteps: run.totalSteps, least });
  const { direction, since } = trend ?? { direction: 'early', since: first };
  return { gauge, first, last, direction, since: since.step, chance: chanceWords(gauge, newest, last.value - least, run.labels) };
}

function chanceWords(gauge: Gauge, newest: EvalRow, surely: number, labels: readonly string[] = []): string {
  const chance = gauge.chance(newest, labels);
  return chance !== null && surely <= chance.value ? chance.words : '';
}

const ERROR = 'error on unseen examples';

/** The sentence of an objective whose measure is the loss. */
function ofLoss(found: Case): Verdict {
  const { first, last, best, since, direction } = found.loss;
  const from = change(first.value, last.value);
  if (direction === 'worse') return risen(found);
  if (direction === 'better') {
    const now = since === last ? 'still falling' : `little change since ${stepName(since.step)}`;
    return { standing: 'better', lead: 'Getting better:', rest: `${ERROR} ${from}, ${now}.` };
  }
  if (direction === 'early') return early(first, last, from);
  if (since === first)
    return { standing: 'flat', lead: 'Not improving:', rest: `${ERROR} ${from}. The learning rate may be too low or too high.` };
  const rest = `the best ${ERROR} was ${figure(best.value)} at step ${count(best.step)}. ${advice(found)}.`;
  return { standing: 'flat', lead: `No longer improving since step ${count(since.step)}:`, rest };
}

function early(first: Point, last: Point, from: string): Verdict {
  const lead = last.value > 1.01 * first.value ? 'Not better so far:' : 'No clear change yet:';
  if (first !== last) return { standing: 'early', lead, rest: `${ERROR} ${from}.` };
  const when = first.step === 0 ? ' before training' : '';
  const rest = `${ERROR} ${figure(first.value)}${when}. The next measurement shows whether it falls.`;
  return { standing: 'early', lead: 'Measured once:', rest };
}

function risen(found: Case): Verdict {
  const rise = `${ERROR} ${riseWords(found.loss)}`;
  const learnt = overfitOf(found);
  if (learnt === null) return { standing: 'worse', lead: 'Getting worse:', rest: `${rise}. The learning rate may be too high.` };
  const rest = `${memorisedWords(found.loss, learnt, NOW)}. ${advice(found)}${kept(found)}.`;
  return { standing: 'overfit', lead: 'Memorising (overfitting):', rest };
}

function riseWords({ best, last }: Trend): string {
  return `rose from ${figure(best.value)} (${stepName(best.step)}) to ${figure(last.value)}`;
}

/** A mean reward that is no longer at its best. */
function fallWords({ kind, loss: { best, last } }: Case): string {
  return `fell from ${figure(heldOutValue(kind, best.value))} (${stepName(best.step)}) to ${figure(heldOutValue(kind, last.value))}`;
}

/**
 * How far the training loss fell since the held-out loss, which has risen, had its best value; null where that is not so, and where the
 * model learns from rewards: its loss in training says nothing about what it knows by heart.
 */
function overfitOf(found: Case): Fall | null {
  const { loss, kind } = found;
  if (learnsFromRewards(kind)) return null;
  return loss.direction === 'worse' || endedByRise(found) ? trainingFall(found) : null;
}

/** How far the training loss fell since the best measurement. */
function trainingFall({ loss, history: { steps } }: Case): Fall | null {
  const losses = steps.map((row) => ({ step: row.step, value: row.loss })).filter(({ value }) => Number.isFinite(value));
  return losses.length === 0 ? null : fallOf(losses, loss.best.step, loss.last.step);
}

/** The run ended early because no measurement came near the best one: that is no outlier, however few they are. */
function endedByRise({ loss: { best, last }, run: { earlyStop } }: Case): boolean {
  return earlyStop?.monitor === 'loss' && last.step === earlyStop.step && last.value > (1 + CLEAR) * best.value;
}

/** A share of the best error by which another one is clearly higher. */
const CLEAR = 0.02;

/** The verbs of a run under way, and of one that has ended. */
interface Verbs {
  readonly rises: string;
  readonly learns: string;
}
const NOW: Verbs = { rises: 'it gets worse', learns: 'it goes on learning' };
const THEN: Verbs = { rises: 'it got worse', learns: 'it went on learning' };

/** `since step 120 it gets worse on unseen examples (0.810 → 0.940) while it goes on learning the training examples (0.700 → 0.310)` */
function memorisedWords({ best, last }: Trend, learnt: Fall, { rises, learns }: Verbs): string {
  const unseen = `${rises} on unseen examples (${change(best.value, last.value)})`;
  return `since ${stepName(best.step)} ${unseen} while ${learns} the training examples (${change(learnt.from, learnt.to)})`;
}

/** Beside a metric, the loss is named: `since step 40 its error (loss) rises on unseen examples (0.500 → 0.800) and falls on …`. */
function lossWords({ best, last }: Trend, learnt: Fall): string {
  const unseen = `its error (loss) rises on unseen examples (${change(best.value, last.value)})`;
  return `since ${stepName(best.step)} ${unseen} and falls on the training examples (${change(learnt.from, learnt.to)})`;
}

/** What comes of it, or what the user may do. */
function advice({ run: { recipe, totalSteps, earlyStop } }: Case): string {
  const ends = mayEndEarly(recipe, totalSteps) && earlyStop?.carriedOn !== true;
  return ends ? 'The run ends by itself if this lasts' : 'You may stop here';
}

function kept({ run, loss }: Case): string {
  const saved = run.checkpoints.some(({ step }) => step === loss.best.step);
  return saved ? `: the checkpoint of step ${count(loss.best.step)} is kept` : '';
}

/** The sentence of an objective with a metric: its value, then where it goes. */
function ofMetric(found: Case, metric: Metric): Verdict {
  const { standing, words } = courseOf(found, metric);
  return { standing, ...told(metric, [words]) };
}

function told(metric: Metric, then: readonly string[], prefix = ''): Pick<Verdict, 'lead' | 'rest'> {
  const { gauge, last } = metric;
  const value = gauge.says(gauge.share ? share(last.value) : figure(last.value));
  const evidence = compared(metric);
  const rest = [evidence, ...then].filter(Boolean).map((words) => `${words}.`);
  return { lead: `${prefix === '' ? value : `${prefix} ${lowered(value)}`}${evidence === '' ? '.' : ','}`, rest: rest.join(' ') };
}

function courseOf(found: Case, { gauge, first, direction, since, last }: Metric): { standing: Standing; words: string } {
  const { loss } = found;
  if (loss.direction === 'worse') return { standing: overfitOf(found) === null ? 'worse' : 'overfit', words: lossRose(found) };
  if (direction === 'better' && since === last.step)
    return { standing: 'better', words: `Still ${gauge.better === 'higher' ? 'rising' : 'falling'}` };
  if (direction === 'better' || loss.direction === 'better')
    return { standing: 'better', words: loss.since === loss.last ? 'Still getting better: its error (loss) falls' : '' };
  if (direction === 'early' || loss.direction === 'early')
    return { standing: 'early', words: first.step === last.step ? 'The next measurement shows whether it gets better' : '' };
  const step = Math.max(since, loss.since.step);
  return { standing: 'flat', words: `No longer improving since step ${count(step)}. ${advice(found)}` };
}

/** The metric counts examples; the loss also says how sure the model is of its answers. */
function lossRose(found: Case): string {
  if (learnsFromRewards(found.kind)) return `But it gets worse: it ${fallWords(found)}. The learning rate may be too high`;
  const learnt = overfitOf(found);
  if (learnt !== null) return `But it memorises (overfitting): ${lossWords(found.loss, learnt)}. ${advice(found)}`;
  return `But it gets worse: its error (loss) ${riseWords(found.loss)}. The learning rate may be too high`;
}

/** The value beside the first one, and beside what needs no learning. */
function compared({ gauge, first, last, chance }: Metric): string {
  const words = first.step === last.step ? '' : differenceWords(gauge, last.value - first.value, first.step);
  return [words, chance].filter(Boolean).join(' and ');
}

function differenceWords({ share: isShare }: Gauge, difference: number, step: number): string {
  const at = `at step ${count(step)}`;
  if (!isShare && Number(figure(difference)) === 0) return `as ${at}`;
  if (!isShare) return `${figure(Math.abs(difference))} ${difference > 0 ? 'more' : 'less'} than ${at}`;
  const points = Math.round(100 * Math.abs(difference));
  if (points === 0) return `as ${at}`;
  return `${points} ${points === 1 ? 'point' : 'points'} ${difference > 0 ? 'more' : 'less'} than ${at}`;
}

/** The sentence of a run that has ended. */
function result(found: Case): Verdict {
  const { loss, metric, run } = found;
  if (run.earlyStop !== undefined && run.earlyStop.carriedOn !== true) return endedEarly(found, run.earlyStop);
  const then = [bestWords(found), endWords(found)];
  if (metric !== null) return { standing: 'result', ...told(metric, then, 'Result:') };
  const evidence = loss.first === loss.last ? figure(loss.last.value) : change(loss.first.value, loss.last.value);
  const worse = loss.last.value >= loss.first.value && loss.first !== loss.last ? ', no better than at the start' : '';
  const rest = [`${ERROR} ${evidence}${worse}`, ...then].filter(Boolean).map((words) => `${words}.`);
  return { standing: 'result', lead: 'Result:', rest: rest.join(' ') };
}

/** The sentence of a run that its measurements ended: why, and what is used of it. */
function endedEarly(found: Case, { step, monitor, waited, best, value }: EarlyStop): Verdict {
  const learnt = overfitOf(found);
  const told = (measured: number) => (monitor === 'loss' ? heldOutValue(found.kind, measured) : measured);
  const measure = monitor === 'loss' ? lossName(found) : MONITOR_NAMES[monitor];
  const from = best.step === 0 ? 'was best before training' : `was best at step ${count(best.step)}`;
  const course = `${measure} ${from} (${change(told(best.value), told(value))}), and ${plural(waited, 'measurement')} brought no improvement`;
  const why = learnt === null ? course : `${memorisedWords(found.loss, learnt, THEN)}: it memorised them (overfitting)`;
  const rest = [why, usedWords(found)].filter(Boolean).map((words) => `${words}.`);
  return { standing: 'result', lead: `Ended early at step ${count(step)}:`, rest: rest.join(' ') };
}

function lossName({ kind }: Case): string {
  return learnsFromRewards(kind) ? 'the mean reward for unseen prompts' : `the ${ERROR}`;
}

/** Which checkpoint is taken when the run is used. */
function usedWords({ run: { checkpoints } }: Case): string {
  const best = checkpoints.find((checkpoint) => checkpoint.best);
  return best === undefined ? '' : `Use takes the checkpoint of step ${count(best.step)}, the best one`;
}

/** Names the best checkpoint when it is not the newest one. */
function bestWords({ kind, run: { checkpoints } }: Case): string {
  const best = checkpoints.find((checkpoint) => checkpoint.best);
  const newest = Math.max(...checkpoints.map(({ step }) => step));
  if (best === undefined || best.step === newest || best.loss === null) return '';
  const measured = `${learnsFromRewards(kind) ? 'a mean reward' : 'an error'} of ${figure(heldOutValue(kind, best.loss))}`;
  return `The best checkpoint is that of step ${count(best.step)}, with ${measured}: Use takes it`;
}

function endWords(found: Case): string {
  const { loss, metric, run } = found;
  if (run.status === 'failed') return '';
  const learnt = overfitOf(found);
  if (learnt !== null) return `It memorised (overfitting): ${memorisedWords(loss, learnt, THEN)}`;
  const rising = [loss, metric].some((one) => one?.direction === 'better' && stepOf(one.since) === one.last.step);
  return rising && loss.direction !== 'worse' ? 'It was still getting better: more steps may help' : '';
}

const stepOf = (since: Point | number): number => (typeof since === 'number' ? since : since.step);

function stepName(step: number): string {
  return step === 0 ? 'the start' : `step ${count(step)}`;
}

/** `4.79 → 3.73`, with as many decimals as show the difference. */
function change(from: number, to: number): string {
  const digits = [decimalsOf(from), 3, 4].find((one) => from.toFixed(one) !== to.toFixed(one)) ?? decimalsOf(from);
  return `${from.toFixed(digits)} → ${to.toFixed(digits)}`;
}

function figure(value: number): string {
  return value.toFixed(decimalsOf(value));
}

function decimalsOf(value: number): number {
  return Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 2 : 3;
}

const lowered = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
