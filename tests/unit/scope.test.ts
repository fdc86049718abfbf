/** Scopes of a graph: values of a shorter life than the graph's. */

import { expect, test } from 'vitest';
import { Graph } from '../../src/graph/graph';

test('a scope finds the values of its graph, and the graph does not see those of the scope', () => {
  const graph = new Graph();
  const weight = graph.declare('weight', 'frozen', [4]);
  const scope = graph.scope();
  const input = scope.declare('input', 'input', [2]);
  expect(scope.named('weight')).toBe(weight);
  expect(scope.declared()).toEqual([input]);
  expect(graph.find('input')).toBeUndefined();
  expect(graph.declared()).toEqual([weight]);
});

test('two scopes may use the same names, but not those of their graph', () => {
  const graph = new Graph();
  graph.declare('weight', 'frozen', [4]);
  const [first, second] = [graph.scope(), graph.scope()];
  expect(first.declare('input', 'input', [2]).id).not.toBe(second.declare('input', 'input', [2]).id);
  expect(() => first.declare('weight', 'input', [4])).toThrow('internal: value weight is declared twice');
});

test('an isolated graph has names of its own, and values that one program uses beside those of its graph', () => {
  const graph = new Graph();
  const weight = graph.declare('weight', 'frozen', [4]);
  const other = graph.isolated();
  expect(other.find('weight')).toBeUndefined();
  const second = other.declare('weight', 'frozen', [6]);
  expect(second.id).not.toBe(weight.id);
  expect([graph.named('weight'), graph.scope().named('weight'), other.scope().named('weight')]).toEqual([weight, weight, second]);
  const { flat, views } = other.declareFlat('flat', 'trainable', [{ name: 'a', shape: [3] }]);
  expect(graph.viewsOf(flat)).toEqual(views);
});

test('the views of a flat value are known to the whole graph', () => {
  const graph = new Graph();
  const { flat, views } = graph.scope().declareFlat('flat', 'trainable', [{ name: 'a', shape: [3] }]);
  expect(graph.viewsOf(flat)).toEqual(views);
  expect(graph.scope().viewsOf(flat)).toEqual(views);
});
