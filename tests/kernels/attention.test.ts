import { attentionBackwardCases, attentionCases } from './cases/attention';
import { testOp } from './suite';

testOp(attentionCases);
testOp(attentionBackwardCases);
