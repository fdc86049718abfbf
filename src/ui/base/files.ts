/** Files out of drops and pickers, folders included. */

/** A file and where it lay in what was dropped or picked, e.g. `model/config.json`. */
export interface PlacedFile {
  readonly path: string;
  readonly file: File;
}

/** What was dropped: every file, folders read to the bottom, and the paths of files and folders that the browser may not read. */
export interface Drop {
  readonly files: readonly PlacedFile[];
  readonly unread: readonly string[];
}

/** Must be called while the event is handled; the browser empties the transfer after. */
export async function droppedFiles(transfer: DataTransfer): Promise<Drop> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return { files: [...transfer.files].map((file) => ({ path: file.name, file })), unread: [] };
  const found = (await Promise.all(entries.map((entry) => filesUnder(entry)))).flat();
  return {
    files: found.filter((one) => typeof one !== 'string'),
    unread: found.filter((one) => typeof one === 'string'),
  };
}

/** The files of a picker, with their place in the folder when one was picked. */
export function pickedFiles(list: FileList | null): readonly PlacedFile[] {
  return [...(list ?? [])].map((file) => ({ path: file.webkitRelativePath === '' ? file.name : file.webkitRelativePath, file }));
}

/**
 * The files of one adapter: those beside the adapter_config.json that lies highest, and the name of their folder. Folders of runs have
 * checkpoints with adapters of their own inside. Without one all are kept, and the worker says what is missing.
 */
export function adapterFiles(placed: readonly PlacedFile[]): { readonly files: readonly File[]; readonly name: string | null } {
  const [first] = placed;
  if (placed.length === 1 && first?.path.endsWith('.zip') === true)
    return { files: [first.file], name: nameOf(first.path).slice(0, -4) };
  const folders = placed.filter((one) => nameOf(one.path) === 'adapter_config.json').map((one) => folderOf(one.path));
  const home = folders.sort((a, b) => depth(a) - depth(b))[0];
  const kept = home === undefined ? placed : placed.filter((one) => folderOf(one.path) === home);
  return { files: kept.map((one) => one.file), name: home === undefined || home === '' ? null : nameOf(home.slice(0, -1)) };
}

/**
 * The files of one model: those beside the config.json that lies highest. Repositories carry other formats and copies in
 * subfolders; they would be taken for the same model. Without a config.json all are kept, and the worker says what is missing.
 */
export function modelFiles(placed: readonly PlacedFile[]): readonly File[] {
  const folders = placed.filter((one) => nameOf(one.path) === 'config.json').map((one) => folderOf(one.path));
  const home = folders.sort((a, b) => depth(a) - depth(b))[0];
  const kept = home === undefined ? placed : placed.filter((one) => folderOf(one.path) === home);
  return kept.map((one) => one.file);
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);
const depth = (folder: string): number => folder.split('/').length;

/** Chrome has these kinds of entries without their constructors, so `instanceof` can't tell them. */
const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

const pathOf = ({ fullPath }: FileSystemEntry): string => fullPath.replace(/^\//, '');

/** The files, and the paths of what can't be read. */
async function filesUnder(entry: FileSystemEntry): Promise<readonly (PlacedFile | string)[]> {
  const path = pathOf(entry);
  try {
    if (isFile(entry)) return [{ path, file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)) }];
    if (!isFolder(entry)) return [];
    const children = await childrenOf(entry.createReader());
    return (await Promise.all(children.map((child) => filesUnder(child)))).flat();
  } catch {
    return [path];
  }
}

/** A reader hands out a folder in portions (100 entries in Chrome) and ends with an empty one. */
async function childrenOf(reader: FileSystemDirectoryReader): Promise<readonly FileSystemEntry[]> {
  const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
  return portion.length === 0 ? [] : [...portion, ...(await childrenOf(reader))];
}
