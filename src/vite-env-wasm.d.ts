declare module '*.wasm.ts?build=simd' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
declare module '*.wasm.ts?build=threads' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
declare module '*.wasm.ts?build=relaxed' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
