/** Many more good answers than bad ones, or the other way round, that count alike. */

import { RATINGS } from '../recipe/objectives';
import { shown, type Fix, type Rule } from './advice';

/** Bounds of (weight · number) of the good answers to that of the bad ones (Ethayarajh et al., arXiv 2402.01306, equation 8). */
const [LEAST, MOST] = [1, 4 / 3];

/** The weight of the rarer rating is raised, to the middle of the advised range: as TRL advises, one of both weights and not both. */
export const ratingBalance: Rule = ({ stats, recipe: { objective } }) => {
  const [bad, good] = RATINGS.map((name) => stats?.parts?.labels?.find((label) => label.name === name)?.train);
  if (objective.kind !== 'kto' || bad === undefined || good === undefined) return null;
  if (bad === 0 || good === 0) return { text: onlyOne(bad, good), fixes: [] };
  const { desirableWeight, undesirableWeight } = objective;
  const ratio = (desirableWeight * good) / (undesirableWeight * bad);
  // The bounds as TRL checks them, to two decimals.
  if (good === bad || (ratio >= LEAST - 0.01 && ratio <= MOST + 0.01)) return null;
  const counted = `${shown(good)} good answers count ${desirableWeight} each, and ${shown(bad)} bad ones ${undesirableWeight}`;
  return {
    text: `${counted}. Together the good ones should count 1 to 1.33 times as much as the bad ones, so that the model learns from both.`,
    fixes: [
      ratio < LEAST
        ? raised('desirable', rounded((7 / 6) * undesirableWeight * (bad / good)))
        : raised('undesirable', rounded((6 / 7) * desirableWeight * (good / bad))),
    ],
  };
};

const onlyOne = (bad: number, good: number): string =>
  `All ${shown(bad + good)} answers for training are rated as ${bad === 0 ? 'good' : 'bad'}: this objective compares good ones with bad ones. Add some of the other kind${bad === 0 ? ', or learn to write like the examples' : ''}.`;

function raised(rating: 'desirable' | 'undesirable', weight: number): Fix {
  const title = `Let ${rating === 'desirable' ? 'good' : 'bad'} answers count ${weight}`;
  return { kind: 'settings', title, values: { [`objective.${rating}Weight`]: weight } };
}

/** To two decimals, or to two digits where it is small. */
const rounded = (weight: number): number => Number(weight.toPrecision(weight >= 1 ? 3 : 2));
