/** The matrix product with its adapter, as CPU adapters and as real GPUs cut it. */
import { matmulCases, matmulGradientCases, matmulTileCases } from './cases/matmul';
import { testOp } from './suite';

testOp(matmulCases);
testOp(matmulTileCases);
testOp(matmulGradientCases);
