/** Reads bottleneck adapters that the `adapters` library or this page saved. */

import type { ErrorCode, Problem } from '../core/errors';
import { problemsError } from '../core/problems';
import { sameShape } from '../core/shape';
import { inspectHeader } from '../formats/safetensors-read';
import { parametersOf } from '../method';
import { ADAPTER_NAME, nonLinearityOf } from '../method/bottleneck';
import type { NamedTensor } from '../method/parameters';
import { familyOf } from '../model/families';
import type { ModelWeights } from '../model/folder';
import { headName } from '../model/weights';
import { defaultMethod, type BottleneckSettings } from '../recipe/methods';
import { FIXED, HEAD_CONFIG_FILE, HEAD_FILE, VARIANTS, WEIGHTS_FILE } from './bottleneck-format';
import { HEAD } from './layout';
import { readWeight } from './merged-weights';
import { CONFIG_FILE } from './peft';
import { Keys } from './peft-keys';
import { decode, type AdapterFolder, type AdapterFiles } from './read-peft';

const ADVICE = 'Use the files that the adapters library or this page saved for this base model.';
const AS_SAFETENSORS = 'save the adapter with use_safetensors=True';

type Fields = Readonly<Record<string, unknown>>;

/** The model that the adapter is for. */
type Base = Pick<ModelWeights, 'config' | 'tensors'>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether adapter_config.json is the `adapters` library's. */
export function isOfLibrary(configJson: string): boolean {
  const config = parsed(configJson);
  return config !== null && config['peft_type'] === undefined && isFields(config['config']);
}

function parsed(json: string): Fields | null {
  try {
    const value: unknown = JSON.parse(json);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * Reads the adapter in a folder. Throws one error with everything that is wrong, as `readAdapterFolder` does: missing files, settings that
 * are not supported, and tensors that do not fit the model.
 */
export async function readBottleneckFolder({ folder, byName }: AdapterFiles, base: Base): Promise<AdapterFolder> {
  const text = (await byName.get(CONFIG_FILE)?.text()) ?? '';
  const config = parsed(text) ?? {};
  const { method, problems } = readSettings(isFields(config['config']) ? config['config'] : {});
  const headText = (await byName.get(HEAD_CONFIG_FILE)?.text()) ?? '';
  const labels = labelsOf(parsed(headText));
  const own = await readOwn(byName.get(WEIGHTS_FILE), String(config['name']), base, method);
  const head = await readHead(byName.get(HEAD_FILE), base);
  const found: readonly (readonly [ErrorCode, readonly Problem[]])[] = [
    ['model/files', missingFiles(byName)],
    ['model/unsupported', problems],
    // The shapes follow from the settings.
    ['model/weights', problems.length > 0 ? [] : [...own.problems, ...head.problems]],
  ];
  const first = found.find(([, all]) => all.length > 0);
  const all = found.flatMap(([, ones]) => ones);
  if (first !== undefined) throw problemsError(first[0], 'This adapter can’t be used with the chosen model', all, ADVICE);
  const isClassifier = head.tensors.length > 0;
  const name = config['model_name'];
  return {
    adapter: {
      ...{ method, modulesToSave: [], fanInFanOut: false, taskType: isClassifier ? 'SEQ_CLS' : 'CAUSAL_LM' },
      tensors: [...own.tensors, ...head.tensors],
      baseModel: typeof name === 'string' && name !== '' ? name : null,
    },
    name: folder,
    card: (await byName.get('README.md')?.text()) ?? null,
    ...(isClassifier && labels !== null && { labels }),
  };
}

function missingFiles(byName: AdapterFiles['byName']): readonly Problem[] {
  const problem = (where: string, other: string): readonly Problem[] =>
    byName.has(where) || !byName.has(other)
      ? []
      : [{ where, message: `is missing (${other} is not supported; ${AS_SAFETENSORS})` }];
  const weights = byName.has('pytorch_adapter.bin') ? problem(WEIGHTS_FILE, 'pytorch_adapter.bin') : [];
  const none = byName.has(WEIGHTS_FILE) || weights.length > 0 ? [] : [{ where: WEIGHTS_FILE, message: 'is missing' }];
  return [...weights, ...none, ...problem(HEAD_FILE, 'pytorch_model_head.bin')];
}

/** The names of the outputs by index; null where the file has none. */
function labelsOf(config: Fields | null): readonly string[] | null {
  const ids = config?.['label2id'];
  if (!isFields(ids)) return null;
  const byIndex = new Map(Object.entries(ids).map(([label, index]) => [index, label]));
  const labels = Array.from({ length: byIndex.size }, (_, index) => byIndex.get(index));
  return labels.every((label) => label !== undefined) ? labels : null;
}

const NON_LINEARITIES = ['relu', 'swish', 'gelu', 'gelu_new', 'tanh', 'sigmoid', 'silu'] as const;

/** The settings as far as they can be read, and those that this page does not have. */
function readSettings(config: Fields): { readonly method: BottleneckSettings; readonly problems: readonly Problem[] } {
  const keys = new Keys(config);
  const variants = Object.entries(VARIANTS) as [BottleneckSettings['variant'], Fields][];
  const [variant = null] =
    variants.find(([, fixed]) => Object.entries(fixed).every(([key, value]) => config[key] === value)) ?? [];
  const name = keys.choice('non_linearity', NON_LINEARITIES);
  const read: BottleneckSettings = {
    ...defaultsOf(variant ?? 'pfeiffer'),
    reductionFactor: keys.number('reduction_factor', (n) => Number.isInteger(n) && n >= 1 && n <= 1024),
    nonLinearity: name === 'silu' ? 'swish' : name,
    adapterScale: keys.number('scaling', (n) => n >= 0.001 && n <= 1000),
    adapterDropout: keys.number('dropout', (n) => n >= 0 && n <= 0.9, 0),
  };
  const usual = nonLinearityOf({ ...read, nonLinearity: 'usual' }) === read.nonLinearity;
  const other = Object.entries(FIXED).filter(([key, value]) => !isFixed(config[key], value));
  const places = 'are those of neither seq_bn (Pfeiffer) nor double_seq_bn (Houlsby), and others are not supported';
  return {
    method: usual ? { ...read, nonLinearity: 'usual' } : read,
    problems: [
      ...(config['architecture'] === undefined || config['architecture'] === null ? [] : [unsupported(config, 'architecture')]),
      ...(variant === null ? [{ where: Object.keys(VARIANTS.pfeiffer).join(', '), message: places }] : []),
      ...other.map(([key]) => unsupported(config, key)),
      ...keys.problems.map(({ where }) => unsupported(config, where)),
    ],
  };
}

function defaultsOf(variant: BottleneckSettings['variant']): BottleneckSettings {
  return { ...(defaultMethod('bottleneck') as BottleneckSettings), variant };
}

const isFixed = (value: unknown, fixed: unknown) => value === undefined || JSON.stringify(value) === JSON.stringify(fixed);

function unsupported(config: Fields, where: string): Problem {
  return { where, message: `${JSON.stringify(config[where] ?? null)} is not supported` };
}

interface Read {
  readonly tensors: readonly NamedTensor[];
  readonly problems: readonly Problem[];
}

/** The adapters of all layers. `name`: of the adapter in the file. */
async function readOwn(file: Blob | undefined, name: string, base: Base, method: BottleneckSettings): Promise<Read> {
  const wanted = new Map(parametersOf(base.config, method).map((parameter) => [parameter.name, parameter.shape]));
  const [prefix = ''] = [...wanted.keys()].map((key) => key.split('.', 1)[0]);
  const inEngine = (own: string) => {
    const renamed = own.replace(`.adapters.${name}.`, `.adapters.${ADAPTER_NAME}.`);
    // Files of a model without a head have no prefix.
    return wanted.has(renamed) ? renamed : `${prefix}.${renamed}`;
  };
  const { tensors, problems } = await readTensors(file, WEIGHTS_FILE);
  const renamed = tensors.map((tensor) => ({ ...tensor, name: inEngine(tensor.name), where: tensor.name }));
  const faults = renamed.flatMap(({ name: own, shape, where }) => {
    const expected = wanted.get(own);
    if (expected === undefined) return [{ where, message: 'is no tensor of such an adapter of this model' }];
    const message = `has the shape [${shape.join(', ')}], expected [${expected.join(', ')}]`;
    return sameShape(shape, expected) ? [] : [{ where, message }];
  });
  const present = new Set(renamed.map((tensor) => tensor.name));
  const missing = [...wanted.keys()].filter((own) => !present.has(own)).map((where) => ({ where, message: 'is missing' }));
  // Without tensors the file says what is wrong.
  return { tensors: renamed, problems: [...problems, ...faults, ...(tensors.length === 0 ? [] : missing)] };
}

/**
 * The tensors of a classifier. The library saves a head of the base too, which is right if it has the base's numbers: what was trained
 * of it would be lost.
 */
async function readHead(file: Blob | undefined, base: Base): Promise<Read> {
  if (file === undefined) return { tensors: [], problems: [] };
  const { tensors, problems } = await readTensors(file, HEAD_FILE);
  const read: NamedTensor[] = [];
  const changed: Problem[] = [];
  for (const tensor of tensors) {
    const inBase = base.tensors.get(tensor.name === HEAD ? (headName(base.config) ?? '') : tensor.name);
    if (inBase === undefined) read.push(tensor);
    else if (!isSame(tensor.data, await readWeight(inBase)))
      changed.push({ where: tensor.name, message: 'was trained beside the adapter, which is not supported' });
  }
  const last = `${familyOf(base.config).classifier(base.config).last.module}.weight`;
  const unknown = read.length > 0 && !read.some(({ name }) => name === last);
  const message = `has no ${last}: the head is none of transformers’ ForSequenceClassification`;
  return { tensors: read, problems: [...problems, ...changed, ...(unknown ? [{ where: HEAD_FILE, message }] : [])] };
}

const isSame = (a: Float32Array, b: Float32Array) => a.length === b.length && a.every((x, i) => x === b[i]);

async function readTensors(file: Blob | undefined, name: string): Promise<Read> {
  if (file === undefined) return { tensors: [], problems: [] };
  const header = await inspectHeader(file, name);
  const problems: Problem[] = [...header.problems];
  const tensors: NamedTensor[] = [];
  for (const info of header.tensors) {
    const data = decode(info.dtype, await file.slice(info.start, info.end).arrayBuffer());
    if (data === null)
      problems.push({ where: info.name, message: `has the type ${info.dtype}; supported are F32, F16 and BF16` });
    else if (!data.every(Number.isFinite)) problems.push({ where: info.name, message: 'has NaN or infinity' });
    else tensors.push({ name: info.name, shape: info.shape, data });
  }
  return { tensors, problems };
}
