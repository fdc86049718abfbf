/** The first and last ops of a model: embedding, and the head with its loss. */

import { testShard } from './suite';

testShard('head');
