/** Rows are held out at random. */

import type { SplitSettingsOf } from '../../recipe/splits';
import { cutOrder, shuffled, type SplitKind } from './split';

export const random: SplitKind<SplitSettingsOf<'random'>> = {
  reads: null,
  assign: ({ count }, _, shares) => cutOrder(shuffled(count, shares.seed), shares),
};
