import { testShard } from './suite';

testShard('elementwise');
