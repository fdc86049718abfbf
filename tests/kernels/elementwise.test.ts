import { addCases } from './cases/add';
import { testOp } from './suite';

testOp(addCases);
