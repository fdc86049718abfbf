/** Downloads files one by one or as one zip. */

import { downloadZip } from 'client-zip';
import type { ExportedFile } from '../../workers/api';

/** Lets the browser save `blob` under `name`. */
function save(name: string, blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Saves a text file in UTF-8. */
export function saveText(name: string, text: string): void {
  save(name, new Blob([text], { type: 'text/csv;charset=utf-8' }));
}

export function saveFiles(files: readonly ExportedFile[]): void {
  for (const file of files) save(file.name, new Blob([file.blob], { type: 'application/octet-stream' }));
}

/** Saves `folder.zip` with the files inside a folder of that name. Returns the zip's name. */
export async function saveZip(folder: string, files: readonly ExportedFile[]): Promise<string> {
  const zip = await downloadZip(files.map((file) => ({ name: `${folder}/${file.name}`, input: file.blob }))).blob();
  save(`${folder}.zip`, zip);
  return `${folder}.zip`;
}

/** A run's name as a file name: lower case letters, digits and hyphens. */
export function fileName(runName: string): string {
  const plain = runName
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return plain.slice(0, 60) || 'adapter';
}
