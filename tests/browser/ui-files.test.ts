/** The files of one model among dropped or picked files. */

import { expect, it } from 'vitest';
import { droppedFiles, modelFiles, pickedFiles, type PlacedFile } from '../../src/ui/base/files';

const placed = (...paths: string[]): PlacedFile[] =>
  paths.map((path) => ({ path, file: new File(['x'], path.split('/').at(-1) ?? '') }));
const names = (files: readonly File[]): string[] => files.map((file) => file.name);

it('takes the files beside config.json, without subfolders', () => {
  const files = placed('m/config.json', 'm/model.safetensors', 'm/onnx/config.json', 'm/onnx/model.onnx', 'm/tokenizer.json');
  expect(names(modelFiles(files))).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
});

it('finds the model in a folder below, as in a download cache', () => {
  const files = placed('hub/refs/main', 'hub/snapshots/abc/config.json', 'hub/snapshots/abc/model.safetensors');
  expect(names(modelFiles(files))).toEqual(['config.json', 'model.safetensors']);
});

it('keeps all files when there is no config.json, so that the error can name them', () => {
  expect(names(modelFiles(placed('m/model.safetensors', 'm/notes.txt')))).toEqual(['model.safetensors', 'notes.txt']);
});

it('reads single files of a drop and of a picker', async () => {
  const transfer = new DataTransfer();
  transfer.items.add(new File(['a'], 'a.csv'));
  transfer.items.add(new File(['b'], 'b.csv'));
  expect((await droppedFiles(transfer)).files.map((one) => one.path)).toEqual(['a.csv', 'b.csv']);
  expect(pickedFiles(transfer.files).map((one) => one.path)).toEqual(['a.csv', 'b.csv']);
});
