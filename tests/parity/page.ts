/** The page half of `npm run parity` and of the interop checks. */

import { runCase } from './cases';
import { randomClassifier } from './classifier';
import { adaptedLogits } from './logits';
import { randomModelLogits } from './random-model';

declare global {
  interface Window {
    runCase: typeof runCase;
    adaptedLogits: typeof adaptedLogits;
    randomClassifier: typeof randomClassifier;
    randomModelLogits: typeof randomModelLogits;
  }
}

window.runCase = runCase;
window.adaptedLogits = adaptedLogits;
window.randomClassifier = randomClassifier;
window.randomModelLogits = randomModelLogits;
