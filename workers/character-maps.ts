/** The character maps of pdf.js, which fonts of Chinese, Japanese and Korean texts name: files of the page, one fetched when it is needed. */

const FOLDER = '../node_modules/pdfjs-dist/cmaps/';

const ADDRESSES = import.meta.glob<string>('../node_modules/pdfjs-dist/cmaps/*.bcmap', {
  query: '?url&no-inline',
  import: 'default',
  eager: true,
});

export async function fetchCharacterMap(name: string): Promise<Uint8Array> {
  const address = ADDRESSES[`${FOLDER}${name}.bcmap`];
  if (address === undefined) throw new Error(`There is no character map ${name}.`);
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} could not be fetched (status ${response.status})`);
  return new Uint8Array(await response.arrayBuffer());
}
