/** Which rows of its data a run did not learn from. */

import type { RunView } from '../../workers/api';

type Parts = Pick<RunView, 'recipe' | 'parts'>;

/** The run held rows out; of runs that did not store how many, as their recipe says. */
export function holdsOut({ recipe, parts }: Parts): boolean {
  return parts === undefined ? recipe.heldOutRatio > 0 : parts.heldOut > 0;
}

/** The run has test rows. */
export function hasTest({ parts }: Pick<RunView, 'parts'>): boolean {
  return parts !== undefined && parts.test > 0;
}
