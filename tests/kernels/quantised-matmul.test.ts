/** The matrix product over quantised weights, as CPU adapters and as real GPUs cut it. */
import { matmulQuantisedCases, matmulQuantisedTileCases } from './cases/matmul';
import { testOp } from './suite';

testOp(matmulQuantisedCases);
testOp(matmulQuantisedTileCases);
