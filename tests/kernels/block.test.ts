/** The ops of a transformer block that hold no matrix product. */
import { dropoutCases } from './cases/dropout';
import { rmsnormBackwardCases, rmsnormCases } from './cases/rmsnorm';
import { ropeCases } from './cases/rope';
import { swigluBackwardCases, swigluCases } from './cases/swiglu';
import { testOp } from './suite';

testOp(rmsnormCases);
testOp(rmsnormBackwardCases);
testOp(ropeCases);
testOp(swigluCases);
testOp(swigluBackwardCases);
testOp(dropoutCases);
