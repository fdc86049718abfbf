import { testShard } from './suite';

testShard('attention');
