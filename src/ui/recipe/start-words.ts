/** What a run starts from, in words. Pure. */

import type { OldData, ParentRun, RunView } from '../../../workers/api';
import type { InitFrom } from '../../recipe/init';
import { count, plural } from '../format';

interface Option {
  readonly value: string;
  readonly label: string;
}

/** A fresh start, then the runs; the chosen one also when it is not among them. */
export function startOptions(runs: readonly Pick<RunView, 'id' | 'name'>[], init: InitFrom | null): readonly Option[] {
  const known = runs.map(({ id, name }) => ({ value: id, label: name }));
  const missing = init === null || runs.some(({ id }) => id === init.run) ? [] : [{ value: init.run, label: init.name }];
  return [{ value: '', label: 'The model as it is' }, ...missing, ...known];
}

/** The checkpoints of a run, the newest first; the chosen one also when it is not among them. */
export function stepOptions({ checkpoints }: Pick<RunView, 'checkpoints'>, chosen: number | null): readonly Option[] {
  const steps = checkpoints.map(({ step, best }) => ({
    value: String(step),
    label: `Step ${count(step)}${best ? ', the best' : ''}`,
  }));
  const known = chosen !== null && checkpoints.some(({ step }) => step === chosen);
  const missing = chosen === null ? 'The newest' : `Step ${count(chosen)}, which is gone`;
  return [...(known ? [] : [{ value: String(chosen ?? ''), label: missing }]), ...steps.reverse()];
}

/**
 * What there is to replay: `“tickets.csv”, from which it learnt, has 270 examples: 30 of them are replayed.` `given`: the file that was
 * opened, `replayed`: null while it is not known.
 */
export function oldDataWords(
  { name, datasetName }: Pick<RunView, 'name' | 'datasetName'>,
  old: OldData | null | undefined,
  given: string | null,
  replayed: number | null,
): string {
  if (old === undefined) return '';
  if (old === null)
    return `The data of ${name} are not in this browser: without them nothing can be replayed. Their file can be opened.`;
  const all = `“${given ?? datasetName}”, from which ${name} learnt, has ${plural(old.examples, 'example')}`;
  if (replayed === null) return `${all} for training.`;
  return replayed === 0
    ? `${all} for training. None is replayed.`
    : `${all} for training: ${count(replayed)} of them ${replayed === 1 ? 'is' : 'are'} replayed.`;
}

/** Where a run started: `tickets, step 120, with 30 of its examples`. */
export function parentWords({ name, step, replayed }: ParentRun): string {
  const start = `${name}, step ${count(step)}`;
  return replayed === 0 ? start : `${start}, with ${plural(replayed, 'example')} of its data`;
}
