/** The page half of `npm run bench`. */

import { runBench } from './bench';
import type { BenchOptions, BenchReport } from './report';

declare global {
  interface Window {
    bench: (options: BenchOptions) => Promise<BenchReport>;
  }
}

window.bench = (options) => runBench(options, (line) => console.log(line));
