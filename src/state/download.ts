/** Downloads files one by one or as one zip, or saves them into a folder. */

import { downloadZip } from 'client-zip';
import type { ExportedFile } from '../../workers/api';

/** Lets the browser save `blob` under `name`. */
export function saveBlob(name: string, blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Saves a text file in UTF-8. `type`: its media type. */
export function saveText(name: string, text: string, type = 'text/csv'): void {
  saveBlob(name, new Blob([text], { type: `${type};charset=utf-8` }));
}

export function saveFiles(files: readonly ExportedFile[]): void {
  for (const file of files) saveBlob(file.name, new Blob([file.blob], { type: 'application/octet-stream' }));
}

/** Saves `folder.zip` with the files inside a folder of that name. Returns the zip's name. */
export async function saveZip(folder: string, files: readonly ExportedFile[]): Promise<string> {
  const zip = await downloadZip(files.map((file) => ({ name: `${folder}/${file.name}`, input: file.blob }))).blob();
  saveBlob(`${folder}.zip`, zip);
  return `${folder}.zip`;
}

/** Files can be saved only together, because some are in folders. */
export function inFolders(files: readonly ExportedFile[]): boolean {
  return files.some(({ name }) => name.includes('/'));
}

type PicksFolders = (options: { readonly id: string; readonly mode: 'readwrite' }) => Promise<FileSystemDirectoryHandle>;

/** The browser's dialog that chooses a folder; null where there is none. */
function folderPicker(): PicksFolders | null {
  const { showDirectoryPicker: pick } = globalThis as { readonly showDirectoryPicker?: PicksFolders };
  return pick === undefined ? null : pick.bind(globalThis);
}

export function canPickFolder(): boolean {
  return folderPicker() !== null;
}

/** A new folder `name` in one that the user chooses; null when the dialog was closed. */
export async function pickFolder(name: string): Promise<FileSystemDirectoryHandle | null> {
  const root = await folderPicker()?.({ id: 'exports', mode: 'readwrite' }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') return null;
    throw error;
  });
  return (await root?.getDirectoryHandle(name, { create: true })) ?? null;
}

/** A run's name as a file name: lower case letters, digits and hyphens. */
export function fileName(runName: string): string {
  const plain = runName
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return plain.slice(0, 60) || 'adapter';
}
