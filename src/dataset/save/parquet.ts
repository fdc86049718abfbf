/** Parquet, written with hyparquet-writer. The rows are read twice: for the types of the columns, and to write them. */

import { elementsOf, joined, NO_VALUE, settled, typeOf, writable, type ValueType } from './parquet-types';
import type { RowSaver, SavedRows } from './saver';

export const parquet: RowSaver = {
  extension: '.parquet',
  passes: 2,
  async *write(rows: SavedRows) {
    const types = await typesOf(rows);
    const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
    const writer = new ByteWriter();
    const columns = rows.columns.map((name, i) => ({ name, type: types[i] ?? NO_VALUE }));
    const schema = [
      { name: 'root', num_children: columns.length },
      ...columns.flatMap(({ name, type }) => elementsOf(name, type)),
    ];
    const file = new ParquetWriter({ writer, schema, createdBy: 'Finetab' });
    /** The bytes that were written since the last call; the writer knows where in the file it is. */
    const taken = () => {
      const bytes = writer.getBytes().slice();
      writer.index = 0;
      return bytes;
    };
    for await (const chunk of rows.read()) {
      const data = columns.map(({ name, type }, i) => ({ name, data: chunk.map((cells) => writable(cells[i], type)) }));
      await file.write({ columnData: data, rowGroupSize: Math.max(1, chunk.length) });
      yield taken();
    }
    await file.finish();
    yield taken();
  },
};

async function typesOf({ columns, read }: SavedRows): Promise<readonly ValueType[]> {
  const types = columns.map(() => NO_VALUE);
  for await (const chunk of read()) {
    for (const cells of chunk) {
      for (const i of types.keys()) types[i] = joined(types[i] ?? NO_VALUE, typeOf(cells[i]));
    }
  }
  return types.map(settled);
}
