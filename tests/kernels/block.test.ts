/** The ops of a transformer block other than matrix products and attention. */

import { testShard } from './suite';

testShard('block');
