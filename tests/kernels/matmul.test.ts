/** The matrix product with its adapter, with the tiles of CPU adapters and of real GPUs. */

import { testShard } from './suite';

testShard('matmul');
