/** Both ends of the model: embedding, head with its loss, and what scales its gradient. */
import { crossentropyCases, crossentropyVariantCases } from './cases/crossentropy';
import { embeddingCases } from './cases/embedding';
import { scaleCases } from './cases/scale';
import { testOp } from './suite';

testOp(embeddingCases);
testOp(scaleCases);
testOp(crossentropyCases);
testOp(crossentropyVariantCases);
