/** The kernels of an instance, callable from WebAssembly by their index. */

/** Puts the kernels into the instance's table, in the same order in each thread. Returns the index of each. */
export function fillTable({ exports }: WebAssembly.Instance): ReadonlyMap<string, number> {
  const { table } = exports;
  if (!(table instanceof WebAssembly.Table)) throw new Error('the build exports no table');
  const kernels = Object.entries(exports).filter(([name, value]) => typeof value === 'function' && !name.startsWith('run_'));
  const first = table.grow(kernels.length);
  return new Map(
    kernels
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, kernel], i) => {
        table.set(first + i, kernel);
        return [name, first + i];
      }),
  );
}
