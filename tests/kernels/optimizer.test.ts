import { lossscaleCases } from './cases/lossscale';
import { accumulateCases, adamwCases, gradnormCases } from './cases/optimizer';
import { testOp } from './suite';

testOp(accumulateCases);
testOp(gradnormCases);
testOp(adamwCases);
testOp(lossscaleCases);
