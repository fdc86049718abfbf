/** Blind pairs: how often a person prefers the answers of a run to those of another model, and whether that is more than chance. Pure. */

/** What was chosen: the answer of the run, the other one, or neither. */
export interface PairCounts {
  readonly wins: number;
  readonly losses: number;
  readonly ties: number;
}

/** A pair count with what its sentence says besides. */
export interface PairResult extends PairCounts {
  /** Pairs whose prompts the run was not trained on. */
  readonly heldOut: number;
  /** The name of the run that it was compared with; null for the base model. */
  readonly against: string | null;
}

/** The share that prefers the run, of the pairs with a preference, and where it is with 95 % confidence. */
export interface Preference {
  readonly share: number;
  readonly low: number;
  readonly high: number;
  /** The interval has 50 %: the pairs do not tell the two models apart. */
  readonly unclear: boolean;
}

/** 97.5 % of a standard normal distribution are below it. */
const Z = 1.959963984540054;

/** The preference; null while no pair has one. The interval is Wilson's (1927, "Probable inference", eq. 4), without continuity correction. */
export function preferenceOf({ wins, losses }: PairCounts): Preference | null {
  const n = wins + losses;
  if (n === 0) return null;
  const share = wins / n;
  const scale = 1 + Z ** 2 / n;
  const middle = (share + Z ** 2 / (2 * n)) / scale;
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2));
  const [low, high] = [Math.max(0, middle - half), Math.min(1, middle + half)];
  return { share, low, high, unclear: low <= 0.5 && high >= 0.5 };
}

const whole = (share: number) => Math.round(100 * share);
const noun = (count: number, one: string) => `${count} ${one}${count === 1 ? '' : 's'}`;

/**
 * `Trained on 34 ratings: preferred in 71 % of 28 blind pairs with “starter on tickets”. With 95 % confidence the share is from 53 % to 85 %.`
 * `ratings`: on which the run was trained; null for other data. `quoted`: how a name is written.
 */
export function pairsVerdict(result: PairResult, ratings: number | null, quoted = (name: string) => `“${name}”`): string {
  const { wins, losses, ties, heldOut } = result;
  const against = result.against === null ? 'the base model' : quoted(result.against);
  const preference = preferenceOf(result);
  const start = ratings === null ? '' : `Trained on ${noun(ratings, 'rating')}: `;
  const all = wins + losses + ties;
  if (preference === null) return sentence(`${start}no preference in ${noun(all, 'blind pair')} with ${against}.`);
  const { share, low, high, unclear } = preference;
  const tied = ties === 0 ? '' : ` ${noun(ties, 'tie')} not counted.`;
  const unseen = heldOut === 0 ? '' : ` ${heldOut} of the ${all} prompts were held out.`;
  const range = `the share is from ${whole(low)} % to ${whole(high)} %`;
  const sure = unclear
    ? ` Too few to tell which is better: with 95 % confidence ${range}.`
    : ` With 95 % confidence ${range}${share > 0.5 ? '' : ', so the other is better'}.`;
  return `${sentence(`${start}preferred in ${whole(share)} % of ${noun(wins + losses, 'blind pair')} with ${against}.`)}${sure}${tied}${unseen}`;
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
