import { cacheWriteCases } from './cases/cache_write';
import { testOp } from './suite';

testOp(cacheWriteCases);
