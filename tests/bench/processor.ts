/** The benchmark of the processor: peak rate and products on one thread and on all, then the step of engine and peer in turn. */

import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { ProcessorKernels, usableBuilds } from '../../src/graph/processor';
import { measureProcessor } from '../../src/graph/processor-peak';
import { ProcessorExecutor } from '../../src/graph/run-processor';
import { costOf } from './engine';
import { declareProduct, productName } from './products';
import type { BenchOptions, ProcessorReport } from './report';
import { benchProducts, type Product } from './shapes';
import { timeProcessorStep } from './step';
import { compare, type Subject } from './timing';

/** Rows of the products. */
const ROWS = [128, 512];

export async function timeProcessor(
  size: Pick<BenchOptions, 'vocabulary' | 'tokens'>,
  rounds: number,
  log: (line: string) => void,
): Promise<ProcessorReport> {
  const [fastest] = await usableBuilds();
  if (fastest === undefined) throw new Error('this browser has no SIMD');
  const alone = await ProcessorKernels.open(fastest.build === 'simd' ? 'simd' : 'relaxed');
  const engines = fastest.threads === 1 ? [alone] : [await ProcessorKernels.open(fastest.build, fastest.threads), alone];
  const threads = engines.map((kernels) => kernels.threads);
  const peaks = engines.map(measureProcessor);
  const products = [];
  for (const product of ROWS.flatMap(benchProducts)) {
    log(productName(product));
    const subjects = engines.map((kernels) => open(kernels, product));
    const { timings } = await compare(
      subjects.map(({ subject }) => subject),
      () => Promise.resolve(),
      rounds,
    );
    const flops = subjects[0]?.flops ?? 0;
    products.push({ name: productName(product), flops, timings });
    for (const one of subjects) one.dispose();
  }
  log('training step on the processor');
  const step = await timeProcessorStep(engines, size, rounds);
  for (const kernels of engines) kernels.close();
  return { build: fastest.build, threads, peaks, products, step };
}

function open(kernels: ProcessorKernels, product: Product) {
  const graph = new Graph();
  const executor = new ProcessorExecutor(kernels);
  const program = graph.program('product');
  const y = declareProduct(program, executor, product);
  const planned = plan(program, [y]);
  const ready = executor.compile({ ...planned, outputs: [] });
  const subject: Subject = {
    async prepare(times) {
      const compiled = await ready;
      return () => {
        for (let i = 0; i < times; i++) void executor.run(compiled);
      };
    },
  };
  return { subject, flops: costOf(planned.nodes).flops, dispose: () => executor.dispose() };
}
