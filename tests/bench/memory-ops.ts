/** Times the ops that are limited by memory, forward and backward, on activations that are larger than a GPU's caches. */

import { add } from '../../kernels/add';
import { layernorm } from '../../kernels/layernorm';
import { mul } from '../../kernels/mul';
import type { Value } from '../../kernels/op';
import { rmsnorm } from '../../kernels/rmsnorm';
import { swiglu } from '../../kernels/swiglu';
import { unary } from '../../kernels/unary';
import { gradient } from '../../src/graph/gradient';
import { Graph, type Program } from '../../src/graph/graph';
import { plan, type Plan } from '../../src/graph/plan';
import type { WebGpuExecutor } from '../../src/graph/run-webgpu';
import type { Machine } from './engine';
import type { Share } from './report';
import { randomData } from './shapes';
import { splitStep } from './split';

const WIDTH = 2048;
const ROWS = { gpu: 4096, cpu: 1024 };

/** One row per op, slowest first. The weights of the norms and the factors of `mul` are trained. */
export async function timeMemoryOps(machine: Machine<WebGpuExecutor>): Promise<readonly Share[]> {
  const graph = new Graph();
  const executor = machine.open(graph);
  const declare = (name: string, shape: readonly number[]): Value => {
    const value = graph.declare(name, 'input', shape);
    executor.write(value, randomData(shape, value.id, 1));
    return value;
  };
  const shape = [ROWS[machine.slow ? 'cpu' : 'gpu'], WIDTH];
  const [x, other, dy] = [declare('x', shape), declare('other', shape), declare('dy', shape)];
  const [weight, bias] = [declare('weight', [WIDTH]), declare('bias', [WIDTH])];
  const differentiated = (name: string, wanted: readonly Value[], build: (program: Program) => Value): Plan => {
    const program = graph.program(name);
    const found = gradient(program, new Map([[build(program), dy]]), wanted);
    return plan(program, [...program.nodes.slice(0, 1).flatMap(({ outputs }) => outputs), ...found.values()]);
  };
  const shares = await splitStep(machine, executor, [
    differentiated('rmsnorm', [x, weight], (program) => rmsnorm(program, x, weight, 1e-5).y),
    differentiated('layernorm', [x, weight, bias], (program) => layernorm(program, x, weight, bias, 1e-5)),
    differentiated('swiglu', [x, other], (program) => swiglu(program, x, other)),
    differentiated('gelu', [x], (program) => unary(program, x, { kind: 'gelu' })),
    differentiated('gelu_tanh', [x], (program) => unary(program, x, { kind: 'gelu_tanh' })),
    differentiated('mul', [bias], (program) => mul(program, x, bias)),
    differentiated('add', [x], (program) => add(program, x, other)),
  ]);
  executor.dispose();
  return shares;
}
