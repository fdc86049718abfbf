/** The page half of `npm run bench` and `npm run soak`. */

import { runBench } from './bench';
import type { BenchOptions, BenchReport } from './report';
import { openRunsSoak } from './soak-runs';
import { openSoak, type Soak, type SoakBackend } from './soak';

declare global {
  interface Window {
    bench: (options: BenchOptions) => Promise<BenchReport>;
    soak: (backend: SoakBackend, what: 'steps' | 'runs') => Promise<Soak>;
  }
}

window.bench = (options) => runBench(options, (line) => console.log(line));
window.soak = (backend, what) => (what === 'runs' ? openRunsSoak(backend) : openSoak(backend));
