import { testShard } from './suite';

testShard('cache');
