/** The products with one small side. */
import { lowrankCases, lowrankTileCases } from './cases/lowrank';
import { testOp } from './suite';

testOp(lowrankCases);
testOp(lowrankTileCases);
