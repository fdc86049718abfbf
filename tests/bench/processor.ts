/**
 * The benchmark of the processor, on all threads and on one: peak rates, products, the step of engine and peer in turn and where its time
 * goes, then the step and decoding with a real model's shape.
 */

import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { ProcessorKernels, RECORD_WORDS, usableBuilds } from '../../src/graph/processor';
import { measureProcessor } from '../../src/graph/processor-peak';
import { ProcessorExecutor } from '../../src/graph/run-processor';
import { timeDecode } from './decode';
import { costOf, processorMachine, processorSubject } from './engine';
import { timeModelStep } from './model-step';
import { declareProduct, productName } from './products';
import type { BenchOptions, PeakRates, ProcessorReport } from './report';
import { benchProducts, type Product } from './shapes';
import { timeProcessorStep } from './step';
import { compare, summary } from './timing';

/** Rows of the products. */
const ROWS = [128, 512];
/** Bytes of a copy: larger than the caches. */
const COPY_BYTES = 64 * 2 ** 20;
/** Bytes that a thread copies at once. */
const COPY_UNIT = 2 ** 20;
const COPIES = 7;

export async function timeProcessor(
  options: BenchOptions,
  rounds: number,
  log: (line: string) => void,
): Promise<ProcessorReport> {
  const [fastest] = await usableBuilds();
  if (fastest === undefined) throw new Error('this browser has no SIMD');
  const alone = await ProcessorKernels.open(fastest.build === 'simd' ? 'simd' : 'relaxed');
  const engines = fastest.threads === 1 ? [alone] : [await ProcessorKernels.open(fastest.build, fastest.threads), alone];
  const machines = engines.map((kernels) => processorMachine(kernels, measurePeaks(kernels)));
  const products = [];
  for (const product of ROWS.flatMap(benchProducts)) {
    log(productName(product));
    products.push(await timeProduct(engines, product, rounds));
  }
  log('training step on the processor');
  const step = await timeProcessorStep(engines, machines, options, rounds);
  const [models, decodes] = [[], []] as [ProcessorReport['models'][number][], ProcessorReport['decodes'][number][]];
  for (const machine of machines) {
    log(`training step and decoding of ${options.model} on the processor`);
    models.push(await timeModelStep(machine, options));
    decodes.push(await timeDecode(machine, options));
  }
  const threads = engines.map((kernels) => kernels.threads);
  for (const kernels of engines) kernels.close();
  return { build: fastest.build, threads, peaks: machines.map(({ peaks }) => peaks), products, step, models, decodes };
}

function measurePeaks(kernels: ProcessorKernels): PeakRates {
  const flops = { value: measureProcessor(kernels), spread: 0, variant: '12 chains' };
  return { flops, bytes: measureCopy(kernels), copyBytes: COPY_BYTES };
}

/** Bytes read and written in a second by all threads. */
function measureCopy(kernels: ProcessorKernels): PeakRates['bytes'] {
  const { heap } = kernels;
  const [source, target] = [heap.take(COPY_BYTES), heap.take(COPY_BYTES)];
  const record = heap.take(4 * (RECORD_WORDS + 3));
  const words = [kernels.indexOf('copy_bytes'), record + 4 * RECORD_WORDS, COPY_BYTES / COPY_UNIT, 0, 0, 0];
  new Int32Array(heap.memory.buffer).set([...words, source, target, COPY_UNIT], record / 4);
  heap.bytes.fill(1, source, source + COPY_BYTES);
  const copy = (): number => {
    const started = performance.now();
    kernels.run(record, 1);
    return performance.now() - started;
  };
  copy();
  const { ms, spread } = summary(Array.from({ length: COPIES }, copy));
  for (const at of [source, target, record]) heap.free(at);
  return { value: (2 * COPY_BYTES) / (ms / 1000), spread, variant: `${COPY_UNIT} bytes a unit` };
}

async function timeProduct(engines: readonly ProcessorKernels[], product: Product, rounds: number) {
  const subjects = engines.map((kernels) => openProduct(kernels, product));
  const { timings } = await compare(
    subjects.map(({ subject }) => subject),
    () => Promise.resolve(),
    rounds,
  );
  const flops = subjects[0]?.flops ?? 0;
  for (const one of subjects) one.dispose();
  return { name: productName(product), flops, timings };
}

function openProduct(kernels: ProcessorKernels, product: Product) {
  const executor = new ProcessorExecutor(kernels);
  const program = new Graph().program('product');
  const planned = plan(program, [declareProduct(program, executor, product)]);
  return { subject: processorSubject(executor, planned), flops: costOf(planned.nodes).flops, dispose: () => executor.dispose() };
}
