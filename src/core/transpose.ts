/** The transpose of a matrix on the host. */

/** Writes the transpose of `from` [columns, rows] to `to` [rows, columns], both row-major. */
export function transpose<T extends Float32Array | Uint16Array>(from: T, to: T, rows: number, columns: number): void {
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) to[row * columns + column] = from[column * rows + row] ?? 0;
}
