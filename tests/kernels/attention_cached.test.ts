import { attentionCachedCases } from './cases/attention_cached';
import { testOp } from './suite';

testOp(attentionCachedCases);
