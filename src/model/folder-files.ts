/** Finds the files of one model among dropped, picked or fetched files, and reports missing ones. */

import { CodedError, messageOf, type Problem } from '../core/errors';
import { formatBytes } from '../core/storage';
import { problemsError } from '../core/problems';

/** The files of one model by name, without their folder. */
export interface FolderFiles {
  /** Name of the folder; null when the files came without one. */
  readonly folder: string | null;
  readonly byName: ReadonlyMap<string, File>;
}

const ADVICE =
  'Drop the whole folder of a Hugging Face model: config.json, model.safetensors (or its index and shards), tokenizer.json.';

export function filesError(problems: readonly Problem[]): CodedError {
  return problemsError('model/files', 'These files are not a complete model', problems, ADVICE);
}

/**
 * Picks the model's folder: the outermost with a config.json. Paths are `webkitRelativePath` or else the name, because files lose
 * the former when they are sent to a worker. Two candidates are a `model/files` error.
 */
export function arrange(files: readonly File[]): FolderFiles {
  const entries = files.map((file) => ({ file, path: (file.webkitRelativePath || file.name).split('/') }));
  const configs = entries.filter(({ path }) => path.at(-1) === 'config.json');
  const depth = Math.min(...configs.map(({ path }) => path.length));
  const roots = configs.filter(({ path }) => path.length === depth).map(({ path }) => path.slice(0, -1));
  const [root = entries[0]?.path.slice(0, -1) ?? [], ...others] = roots;
  if (others.length > 0) {
    const found = roots.map((path) => path.join('/') || 'the same folder').join(', ');
    throw filesError([{ where: 'config.json', message: `found ${roots.length} times (${found}); drop one model at a time` }]);
  }
  const inside = entries.filter(({ path }) => path.length === root.length + 1 && root.every((part, i) => part === path[i]));
  const byName = new Map(inside.map(({ file, path }) => [path.at(-1) ?? file.name, file]));
  return { folder: root.at(-1) ?? null, byName };
}

/** The required files that are missing. `tokenizer`: tokenizer.json is required. */
export function missingFiles({ byName }: FolderFiles, tokenizer: boolean): Problem[] {
  const problems: Problem[] = [];
  const lacks = (where: string, message: string) => problems.push({ where, message: `is missing${message}` });
  const ending = (end: string) => [...byName.keys()].find((name) => name.endsWith(end));
  if (!byName.has('config.json')) lacks('config.json', '');
  if (!byName.has('model.safetensors') && !byName.has('model.safetensors.index.json')) {
    const other = ending('.safetensors') ?? ending('.bin') ?? ending('.gguf') ?? ending('.pth');
    lacks('model.safetensors', other === undefined ? '' : ` (${other} is not supported; save the model as safetensors)`);
  }
  if (tokenizer && !byName.has('tokenizer.json')) {
    const other = ending('tokenizer.model') ?? ending('vocab.json');
    lacks('tokenizer.json', other === undefined ? '' : ` (${other} is not supported; save the fast tokenizer)`);
  }
  return problems;
}

/** The text of a file; null when it does not exist or (with a problem added) has more than `limit` bytes. */
export async function readText(files: FolderFiles, name: string, limit: number, problems: Problem[]): Promise<string | null> {
  const file = files.byName.get(name);
  if (file === undefined) return null;
  if (file.size <= limit) return await readable(name, () => file.text());
  problems.push({ where: name, message: `has ${formatBytes(file.size)}, but at most ${formatBytes(limit)} are expected` });
  return null;
}

/** Runs `read`. Throws `model/files` when the file was changed, moved or deleted after it was dropped. */
export async function readable<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const message = `${name} can no longer be read (${messageOf(error)}). It was changed, moved or deleted: drop the model again.`;
    throw new CodedError('model/files', message, [{ where: name, message: messageOf(error) }], { cause: error });
  }
}

/** Fetches the files `names` of a model at `base`. Throws one `model/files` for all that fail. */
export async function fetchFiles(base: string | URL, names: readonly string[]): Promise<File[]> {
  const problems: Problem[] = [];
  const files = await Promise.all(names.map((name) => fetchFile(new URL(name, base), name, problems)));
  const found = files.filter((file) => file !== null);
  if (problems.length === 0) return found;
  throw problemsError('model/files', 'The model could not be fetched', problems, 'Check the connection and reload the page.');
}

async function fetchFile(url: URL, name: string, problems: Problem[]): Promise<File | null> {
  try {
    const { response, body } = await fetchWhole(url);
    // Servers of single-page apps respond with the page for files that do not exist.
    const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
    if (response.ok && !isPage) return new File([body], name);
    problems.push({ where: name, message: isPage ? 'is not served' : `${response.status} ${response.statusText}` });
  } catch (error) {
    problems.push({ where: name, message: messageOf(error) });
  }
  return null;
}

/**
 * Asks again without the browser's cache when the first request fails: Chromium ends a request with a cache error when the service worker
 * stores the same large file at that moment.
 */
async function fetchWhole(url: URL): Promise<{ readonly response: Response; readonly body: Blob }> {
  const ask = async (options: RequestInit) => {
    const response = await fetch(url, options);
    return { response, body: await response.blob() };
  };
  return ask({}).catch(() => ask({ cache: 'no-store' }));
}
