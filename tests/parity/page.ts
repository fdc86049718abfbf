/** The page half of `npm run parity` and of the interop checks. */

import { runCase } from './cases';
import { adaptedLogits } from './logits';

declare global {
  interface Window {
    runCase: typeof runCase;
    adaptedLogits: typeof adaptedLogits;
  }
}

window.runCase = runCase;
window.adaptedLogits = adaptedLogits;
