/** Adapters of other programs: their folders and zips, and all that is wrong with a broken one. */

import { readFileSync } from 'node:fs';
import { crc32, deflateRawSync } from 'node:zlib';
import { downloadZip } from 'client-zip';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { readAdapterFolder } from '../../src/export/read-peft';
import { writeSafetensors, type TensorData } from '../../src/formats/safetensors-write';
import { readZip } from '../../src/formats/zip-read';
import { parseConfig } from '../../src/model/families';
import { linearLayers } from '../../src/model/weights';
import { needShared, readShared } from '../shared';

const golden = (path: string) => new Uint8Array(readFileSync(new URL(`../golden/${path}`, import.meta.url)));
const layersOf = (name: string) => linearLayers(parseConfig(new TextDecoder().decode(golden(`${name}/config.json`))));
const filesOf = (name: string, folder = '') =>
  ['adapter_config.json', 'adapter_model.safetensors'].map(
    (file) => new File([golden(`${name}/final/${file}`)], `${folder}${file}`),
  );

async function failure(work: Promise<unknown>): Promise<CodedError> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof CodedError) return error;
  throw new Error(`expected an error, got ${String(error)}`);
}

const zipOf = async (files: readonly File[]) =>
  new File([await downloadZip(files.map((file) => ({ name: file.name, input: file }))).blob()], 'tuned.zip');

describe('the folder of an adapter', () => {
  it.each(['llama_gqa', 'gpt2', 'llama_dora', 'llama_ia3', 'llama_seqcls'])('of %s is read', async (name) => {
    const { adapter, name: folder } = await readAdapterFolder(filesOf(name, 'runs/tuned/'), layersOf(name));
    expect(folder).toBe('tuned');
    expect(adapter.tensors.length).toBeGreaterThan(2);
  });

  it('is read from a zip of it, beside a base in a folder of its own', async () => {
    const base = new File(['{}'], 'my-run/base/config.json');
    const zip = await zipOf([...filesOf('llama_gqa', 'my-run/'), new File(['# card'], 'my-run/README.md'), base]);
    const { adapter, name, card } = await readAdapterFolder([zip], layersOf('llama_gqa'));
    const plain = await readAdapterFolder(filesOf('llama_gqa'), layersOf('llama_gqa'));
    expect([adapter, name, card]).toEqual([plain.adapter, 'my-run', '# card']);
  });

  it('that someone published for GPT-2 fits it, and no other model', async (context) => {
    needShared(context, 'data/gpt2-lora-r8-seqcls/adapter_config.json');
    const names = ['adapter_config.json', 'adapter_model.safetensors', 'README.md'];
    const files = names.map((name) => new File([readShared(`data/gpt2-lora-r8-seqcls/${name}`)], name));
    const sizes = { n_embd: 768, n_layer: 12, n_head: 12, n_positions: 1024, vocab_size: 50257 };
    const gpt2 = parseConfig(JSON.stringify({ model_type: 'gpt2', architectures: ['GPT2LMHeadModel'], ...sizes }));
    const { adapter } = await readAdapterFolder(files, linearLayers(gpt2));
    expect(adapter).toMatchObject({ taskType: 'SEQ_CLS', baseModel: 'gpt2' });
    expect(adapter.tensors).toHaveLength(25);
    const refused = await failure(readAdapterFolder(files, layersOf('gpt2')));
    expect(refused.code).toBe('model/weights');
    expect(refused.problems).toHaveLength(24);
  });
});

describe('a broken adapter', () => {
  const tensor = (name: string, shape: readonly number[], bits = 0): TensorData => ({
    ...{ name: `base_model.model.model.layers.${name}.weight`, dtype: 'F32', shape },
    data: new Uint8Array(new Uint32Array(shape.reduce((a, b) => a * b, 1)).fill(bits).buffer),
  });
  const broken = (config: object, tensors: readonly TensorData[]) => [
    new File([JSON.stringify(config)], 'adapter_config.json'),
    new File([writeSafetensors(tensors)], 'adapter_model.safetensors'),
  ];
  const layers = [{ module: 'model.layers.0.q_proj', inputs: 4, outputs: 6 }];

  it('has all its faults in one error', async () => {
    const config = { peft_type: 'LORA', task_type: 'TOKEN_CLS', lora_bias: true, lora_alpha: 'x', bias: 'some', r: 2 };
    const error = await failure(
      readAdapterFolder(
        broken(config, [
          tensor('0.q_proj.lora_A', [2, 5]),
          tensor('0.q_proj.lora_B', [6, 2], 0x7fc00000),
          tensor('7.q_proj.lora_A', [2, 4]),
        ]),
        layers,
      ),
    );
    expect(error.code).toBe('model/unsupported');
    expect(
      error.problems.map(({ where, message }) => `${where.replace('base_model.model.model.layers.', '')}: ${message}`),
    ).toEqual([
      'task_type: "TOKEN_CLS" is not supported',
      'lora_bias: true is not supported',
      'lora_alpha: is "x"',
      'bias: is "some"',
      '0.q_proj.lora_A.weight: has the shape [2, 5], expected [2, 4]',
      '0.q_proj.lora_B.weight: has NaN or infinity',
      '7.q_proj.lora_A.weight: belongs to model.layers.7.q_proj, which the model does not have',
    ]);
  });

  it('names missing files beside what is wrong with the others', async () => {
    const [config = new File([], '')] = broken({ peft_type: 'LORA', r: 0, lora_alpha: 1 }, []);
    const bin = new File(['x'], 'adapter_model.bin');
    const error = await failure(readAdapterFolder([config, bin], layers));
    expect(error.code).toBe('model/files');
    expect(error.problems).toEqual([
      {
        where: 'adapter_model.safetensors',
        message: 'is missing (adapter_model.bin is not supported; save the adapter as safetensors)',
      },
      { where: 'r', message: 'is 0' },
    ]);
    expect((await failure(readAdapterFolder([new File(['x'], 'notes.txt')], layers))).problems).toHaveLength(2);
  });

  it('may not be JSON, and a damaged weight file is named with it', async () => {
    const files = [new File(['{'], 'adapter_config.json'), new File(['nothing'], 'adapter_model.safetensors')];
    const error = await failure(readAdapterFolder(files, layers));
    expect(error.problems.map(({ where }) => where)).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  });
});

describe('zip archives', () => {
  it('are read as they were packed', async () => {
    const files = [new File(['one'], 'a/b/one.txt'), new File([new Uint8Array(100_000)], 'two.bin'), new File([], 'empty')];
    const read = await readZip(await zipOf(files), 'x.zip');
    expect(read.map(({ name, size }) => [name, size])).toEqual(files.map(({ name, size }) => [name, size]));
    expect(await read[0]?.text()).toBe('one');
  });

  it('may have deflated files', async () => {
    const read = await readZip(new File([deflated('word.txt', 'a word, a word, a word')], 'x.zip'), 'x.zip');
    expect(await read[0]?.text()).toBe('a word, a word, a word');
  });

  it('are refused with what is wrong', async () => {
    const whole = await zipOf([new File(['one, and more than that'], 'one.txt')]);
    const problemOf = async (zip: Blob) => {
      const { code, message } = await failure(readZip(zip, 'x.zip'));
      expect([code, message.includes('x.zip')]).toEqual(['model/files', true]);
      return message;
    };
    const changed = (at: number, value: number) => {
      const zip = deflated('word.txt', 'a word, a word, a word');
      zip[at < 0 ? zip.length + at : at] = value;
      return new Blob([zip]);
    };
    expect(await problemOf(new File(['no'], 'x.zip'))).toContain('it has no directory at its end');
    await problemOf(whole.slice(9));
    expect(await problemOf(changed(45, 0xff))).toContain('word.txt');
    // The directory, which is 54 bytes long before the end of 22.
    await problemOf(changed(-22 - 54, 0));
    // The size of the unpacked file.
    expect(await problemOf(changed(-22 - 54 + 24, 3))).toContain('word.txt');
  });

  it('give no more than their directory says', async () => {
    const bomb = deflated('zeros', '\0'.repeat(1 << 26));
    new DataView(bomb.buffer).setUint32(bomb.length - 22 - 51 + 24, 10, true);
    const before = process.memoryUsage.rss();
    expect((await failure(readZip(new Blob([bomb]), 'x.zip'))).message).toContain('zeros');
    expect(process.memoryUsage.rss() - before).toBeLessThan(1 << 25);
  });
});

/** An archive with one deflated file, whose data begin at byte 38. */
function deflated(name: string, text: string): Uint8Array<ArrayBuffer> {
  const [label, packed, size] = [Buffer.from(name), deflateRawSync(text), Buffer.byteLength(text)];
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(8, 8);
  local.writeUInt16LE(label.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(8, 10);
  central.writeUInt32LE(crc32(text), 16);
  central.writeUInt32LE(packed.length, 20);
  central.writeUInt32LE(size, 24);
  central.writeUInt16LE(label.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length + label.length, 12);
  end.writeUInt32LE(local.length + label.length + packed.length, 16);
  return Uint8Array.from(Buffer.concat([local, label, packed, central, label, end]));
}
