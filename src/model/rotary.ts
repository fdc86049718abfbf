/** Rotary tables on the device: one pair for each distinct rotation of a model's layers. */

import type { Graph } from '../graph/graph';
import type { Value } from '../../kernels/op';
import type { ModelConfig } from './config';
import { ropeTables, type Rope } from './rope';

interface Rotation {
  readonly rope: Rope;
  readonly headDim: number;
}

/** The tables [P, D/2] for positions below `positions`, declared unless the graph has them. */
export function declareRope(graph: Graph, rotation: Rotation, positions: number): { cos: Value; sin: Value } {
  const { rope, headDim } = rotation;
  const declare = (table: string) => {
    const name = `rope.${table}.${positions}.${JSON.stringify({ headDim, ...rope })}`;
    return graph.find(name) ?? graph.declare(name, 'frozen', [positions, headDim / 2]);
  };
  return { cos: declare('cos'), sin: declare('sin') };
}

/** All rotary tables of a model and their data. */
export function rotaryData(graph: Graph, config: ModelConfig, positions: number): [Value, Float32Array<ArrayBuffer>][] {
  return rotations(config).flatMap((rotation): [Value, Float32Array<ArrayBuffer>][] => {
    const { cos, sin } = declareRope(graph, rotation, positions);
    const data = ropeTables(rotation, positions);
    return [
      [cos, data.cos],
      [sin, data.sin],
    ];
  });
}

function rotations({ attention }: ModelConfig): readonly Rotation[] {
  const all = attention.flatMap(({ rope, headDim }): [string, Rotation][] =>
    rope === null ? [] : [[JSON.stringify({ headDim, ...rope }), { rope, headDim }]],
  );
  return [...new Map(all).values()];
}
