import { testShard } from './suite';

testShard('attention_cached');
