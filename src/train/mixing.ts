/** A run on several datasets. */

import { mixtureOf } from '../batch/mixture';
import { CodedError } from '../core/errors';
import { virtualTokens } from '../recipe/methods';
import type { RunSetup } from './types';

/** The setup with one dataset of all that its recipe names. Throws `recipe/invalid` when their forms differ, or one is missing. */
export async function withMixture(setup: RunSetup): Promise<RunSetup> {
  const { recipe, dataset, datasetName, mixed = [] } = setup;
  const { mixture } = recipe;
  if (mixture === null) return setup;
  const names = distinct([datasetName, ...mixture.others.map(({ name }) => name)]);
  const others = mixture.others.map(({ weight }, i) => {
    const given = mixed[i];
    if (given === undefined) throw missing(names[i + 1] ?? '');
    return { name: names[i + 1] ?? '', weight, dataset: given };
  });
  const own = { name: datasetName, weight: mixture.weight, dataset };
  return { ...setup, dataset: await mixtureOf([own, ...others], { ...recipe, virtualTokens: virtualTokens(recipe.method) }) };
}

/** A number behind a name that came before. */
function distinct(names: readonly string[]): readonly string[] {
  return names.map((name, i) => {
    const before = names.slice(0, i).filter((one) => one === name).length;
    return before === 0 ? name : `${name} (${before + 1})`;
  });
}

function missing(name: string): CodedError {
  const message = `The mixture of the recipe names ${name}, which was not given. Open its file, or take it out of the mixture.`;
  return new CodedError('recipe/invalid', message, [{ where: 'mixture', message }]);
}
