import { testShard } from './suite';

testShard('optimizer');
