/** Formats the benchmark's report as tables. */

import type {
  BenchReport,
  PeakRates,
  DecodeReport,
  Measured,
  ModelStepReport,
  PeerReport,
  ProductReport,
  Share,
  StepReport,
  TorchReport,
  ProcessorReport,
  Timing,
} from './report';

export function printReport(report: BenchReport): string {
  const { peaks } = report;
  return [
    `${report.adapter}${report.software ? ' (software: only ratios mean anything)' : ''}`,
    `multiply-adds  ${giga(peaks.flops.value)} GFLOP/s ±${percent(peaks.flops.spread / 2)} (${peaks.flops.variant})`,
    `copy           ${giga(peaks.bytes.value)} GB/s ±${percent(peaks.bytes.spread / 2)} (${peaks.copyBytes / 2 ** 20} MiB, ${peaks.bytes.variant})`,
    ...(report.products.length > 0 ? ['', ...printProducts(report.products)] : []),
    ...(report.ops.length > 0 ? ['', ...printOps(report.ops)] : []),
    ...(report.step === null ? [] : ['', ...printStep(report.step)]),
    ...(report.torch === null ? [] : printTorch(report.torch, report.step)),
    ...(report.modelStep === null ? [] : ['', ...printModelStep(report.modelStep)]),
    ...(report.decode === null ? [] : ['', ...printDecode(report.decode, peaks)]),
    ...(report.processor === null ? [] : ['', ...printProcessor(report.processor, report.processorTorch)]),
    '',
    `measured in ${report.seconds.toFixed(0)} s`,
  ].join('\n');
}

const OURS = ['ms', '±', 'GFLOP/s', 'of π', 'of limit'];

function head(first: string, peers: readonly PeerReport[]): string[] {
  return [first, ...OURS, ...peers.flatMap(({ name }) => [`${name} ms`, '±', 'times as fast'])];
}

function peerCells(peers: readonly PeerReport[]): string[] {
  return peers.flatMap((peer) => [...milliseconds(peer), peer.ratio.toFixed(2)]);
}

function printProducts(products: readonly ProductReport[]): string[] {
  const rows = products.map(({ name, ours, peers }) => [name, ...figures(ours), ...peerCells(peers)]);
  const gemms = products.filter(({ kind }) => kind === 'matmul');
  const means = (gemms[0]?.peers ?? []).map(({ name }, i) => {
    const ratios = gemms.map(({ peers }) => peers[i]?.ratio ?? NaN);
    return `${geometricMean(ratios).toFixed(2)} times as fast as ${name}`;
  });
  return [
    ...table([head('product', products[0]?.peers ?? []), ...rows]),
    ...(means.length > 0 ? [`geometric mean of the matmul rows: ${means.join(', ')}`] : []),
  ];
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

function printStep(step: StepReport): string[] {
  const { ours, peers } = step;
  const each = [{ name: 'ours', ...step }, ...peers];
  return [
    `training step: ${step.model}`,
    ...table([head('', peers), ['step', ...figures(ours), ...peerCells(peers)]]),
    `${step.tokensPerSecond.toFixed(1)} tokens/s; ${step.dispatches} dispatches`,
    `loss of each step: ${each.map(({ name, losses }) => `${name} ${figuresOf(losses)}`).join('; ')}`,
    `gradient norm: ${each.map(({ name, gradNorms }) => `${name} ${figuresOf(gradNorms)}`).join('; ')}`,
    `largest deviation: ${peers.map(({ name, deviation }) => `${name} ${deviation.toExponential(1)}`).join(', ')}`,
    ...printSplit(step.split, ours),
  ];
}

function printSplit(split: readonly Share[], whole: Timing): string[] {
  const rows = split.map(({ name, nodes, kind, ms, flops, fraction }) => [
    `  ${name}`,
    String(nodes),
    kind,
    ms.toFixed(2),
    percent(ms / whole.ms),
    giga(flops / (ms / 1000)),
    percent(fraction),
  ]);
  const total = split.reduce((sum, { ms }) => sum + ms, 0);
  return [
    `where our time goes (each kind of node by itself): ${kindsOf(split)}; idle ${Math.max(0, whole.ms - total).toFixed(1)} ms`,
    ...table([['  nodes', 'count', 'bound by', 'ms', 'of step', 'GFLOP/s', 'of limit'], ...rows]),
  ];
}

function printOps(ops: readonly Share[]): string[] {
  const rows = ops.map(({ name, ms, flops, fraction }) => [
    name,
    ms.toPrecision(4),
    giga(flops / (ms / 1000)),
    percent(fraction),
  ]);
  return table([['op', 'ms', 'GFLOP/s', 'of limit'], ...rows]);
}

function kindsOf(split: readonly Share[]): string {
  const of = (wanted: Share['kind']) => split.reduce((sum, { kind, ms }) => (kind === wanted ? sum + ms : sum), 0);
  const names = { compute: 'bound by arithmetic', memory: 'by memory', recompute: 'made again' } as const;
  return (['compute', 'memory', 'recompute'] as const).map((kind) => `${names[kind]} ${of(kind).toFixed(1)} ms`).join(', ');
}

function printTorch({ version, device, rows }: TorchReport, step: StepReport | null): string[] {
  const lines = rows.map((row) => {
    const ratio = row.ms / (step?.ours.ms ?? NaN);
    return `  ${row.dtype} ${milliseconds(row).join(' ms ± ')}, ${ratio.toFixed(2)} times ours`;
  });
  return [`the same step in PyTorch ${version} + PEFT (${device}):`, ...lines];
}

function printModelStep({ name, base, activations, tokens, ours, tokensPerSecond, bytes }: ModelStepReport): string[] {
  return [
    `training step: ${name}, base ${base}, activations ${activations}, LoRA r 16 on every linear layer, ${tokens} tokens`,
    ...table([
      ['', ...OURS],
      ['step', ...figures(ours)],
    ]),
    `${tokensPerSecond.toFixed(1)} tokens/s, ${giga(bytes)} GB`,
  ];
}

function printDecode({ name, base, given, made, cacheBytes, batches }: DecodeReport, { bytes: copy }: PeakRates): string[] {
  const row = (what: string, tokens: number, work: Measured): string[] => {
    const rate = work.bytes / (work.ms / 1000);
    const speed = (1000 * tokens) / work.ms;
    return [what, ...figures(work), speed.toFixed(1), mega(work.bytes), giga(rate), percent(rate / copy.value)];
  };
  const rows = batches.flatMap(({ sequences, prefill, step }) => [
    row(`prompts of ${sequences}`, sequences * (given - 1), prefill),
    row(`a token of ${sequences}`, sequences, step),
  ]);
  return [
    `decoding: ${name}, base ${base}, prompts of ${given} tokens, ${made} more of each; cache ${mega(cacheBytes)} MB`,
    ...table([['', ...OURS, 'tokens/s', 'MB', 'GB/s', 'of copy'], ...rows]),
  ];
}

function printProcessor(report: ProcessorReport, torch: TorchReport | null): string[] {
  const { build, threads, peaks, products, step, models, decodes } = report;
  const on = threads.map((count) => (count === 1 ? '1 thread' : `${count} threads`));
  const rate = (flops: number, { ms }: Timing) => giga(flops / (ms / 1000));
  const { peer, tokens } = step;
  const tokensPerSecond = step.timings.map(({ ms }) => (tokens / (ms / 1000)).toFixed(1)).join(' and ');
  const [all] = step.timings;
  return [
    `processor, build ${build}`,
    ...peaks.map(
      ({ flops, bytes }, i) =>
        `${on[i] ?? ''}: multiply-adds ${giga(flops.value)} GFLOP/s, copy ${giga(bytes.value)} GB/s ±${percent(bytes.spread / 2)}`,
    ),
    ...table([
      ['product', ...on.flatMap((name) => [`${name} ms`, '±', 'GFLOP/s'])],
      ...products.map(({ name, flops, timings }) => [
        name,
        ...timings.flatMap((timing) => [...milliseconds(timing), rate(flops, timing)]),
      ]),
    ]),
    `training step on the processor: ${step.model}`,
    ...table([
      ['', ...on.flatMap((name) => [`${name} ms`, '±', 'GFLOP/s']), 'tfjs-wasm by hand ms', '±'],
      ['step', ...step.timings.flatMap((timing) => [...milliseconds(timing), rate(step.flops, timing)]), ...milliseconds(peer)],
    ]),
    `${tokensPerSecond} tokens/s, ${peer.ratio.toFixed(2)} times as fast as by hand (largest deviation ${peer.deviation.toExponential(1)})`,
    ...(all === undefined ? [] : printSplit(step.split, all)),
    ...models.flatMap((model, i) => [`on ${on[i] ?? ''}:`, ...printModelStep(model)]),
    ...(torch === null ? [] : printTorchModel(torch, report)),
    ...decodes.flatMap((decode, i) => {
      const rates = peaks[i];
      return rates === undefined ? [] : [`on ${on[i] ?? ''}:`, ...printDecode(decode, rates)];
    }),
  ];
}

/** The model's step on the same number of threads. */
function printTorchModel({ version, rows }: TorchReport, { threads, models }: ProcessorReport): string[] {
  const lines = rows.map((row) => {
    const ours = models[threads.indexOf(row.threads)]?.ours.ms ?? NaN;
    return `  ${row.threads} threads: ${milliseconds(row).join(' ms ± ')}; we reach ${(row.ms / ours).toFixed(2)} of its speed`;
  });
  return [`the same step in PyTorch ${version} + PEFT, ${rows[0]?.dtype ?? ''}:`, ...lines];
}

function figures(ours: Measured): string[] {
  return [...milliseconds(ours), giga(ours.flops / (ours.ms / 1000)), percent(ours.utilisation), percent(ours.fraction)];
}

function milliseconds({ ms, spread }: { ms: number; spread: number }): string[] {
  return [ms.toPrecision(4), percent(spread / 2)];
}

function figuresOf(values: readonly number[]): string {
  return values.map((value) => value.toFixed(5)).join(', ');
}

function giga(value: number): string {
  return (value / 1e9).toPrecision(3);
}

function mega(value: number): string {
  return (value / 1e6).toFixed(1);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
}
