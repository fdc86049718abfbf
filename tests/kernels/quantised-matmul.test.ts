/** The matrix product with quantised weights, with the tiles of CPU adapters and of real GPUs. */

import { testShard } from './suite';

testShard('quantised-matmul');
