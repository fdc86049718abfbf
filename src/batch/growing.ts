/** A typed array with amortised growth. */

type Numbers = Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

export class Growing<T extends Numbers> {
  readonly #create: new (length: number) => T;
  #array: T;
  #length = 0;

  constructor(create: new (length: number) => T) {
    this.#create = create;
    this.#array = new create(1024);
  }

  get length(): number {
    return this.#length;
  }

  push(values: ArrayLike<number>): void {
    this.#reserve(this.#length + values.length);
    this.#array.set(values, this.#length);
    this.#length += values.length;
  }

  /** Elements `from` to `to`, which later pushes may move. */
  view(from: number, to: number): T {
    return this.#array.subarray(from, to) as T;
  }

  /** The elements written so far, in a buffer of exactly their size. */
  finish(): T {
    const result = new this.#create(this.#length);
    result.set(this.#array.subarray(0, this.#length));
    return result;
  }

  #reserve(length: number): void {
    if (length <= this.#array.length) return;
    const larger = new this.#create(Math.max(length, 2 * this.#array.length));
    larger.set(this.#array);
    this.#array = larger;
  }
}
