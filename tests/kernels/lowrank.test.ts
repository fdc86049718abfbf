/** Products with one small side. */

import { testShard } from './suite';

testShard('lowrank');
