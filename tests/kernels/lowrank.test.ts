/** The products with one small side. */
import { lowrankCases, lowrankSumCases, lowrankTileCases } from './cases/lowrank';
import { testOp } from './suite';

testOp(lowrankCases);
testOp(lowrankSumCases);
testOp(lowrankTileCases);
