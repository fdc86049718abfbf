/** Names of models and addresses of hubs, as people type and paste them. */

import { describe, expect, it } from 'vitest';
import { hubSources, HUGGING_FACE, namesModel, parseHub, parseModelRef } from '../../src/core/hub';
import { downloadKey } from '../../src/hub/plan';

describe('the name of a model', () => {
  it.each([
    ['HuggingFaceTB/SmolLM2-135M', 'HuggingFaceTB/SmolLM2-135M', null],
    ['  gpt2 ', 'gpt2', null],
    ['a/b@v1.0', 'a/b', 'v1.0'],
    ['a/b@refs/pr/3', 'a/b', 'refs/pr/3'],
    ['https://huggingface.co/Qwen/Qwen3-0.6B', 'Qwen/Qwen3-0.6B', null],
    ['https://huggingface.co/Qwen/Qwen3-0.6B/tree/main', 'Qwen/Qwen3-0.6B', 'main'],
    ['https://huggingface.co/gpt2', 'gpt2', null],
  ])('%s is read', (text, id, revision) => expect(parseModelRef(text)).toEqual({ id, revision }));

  it.each(['', 'a b', 'a/b/c', '../../etc', 'a/..', 'a/b@', 'a/b@x@y', 'a/b@../c', '/a', 'a/b?x=1', 'a/b#x', '<a>/b'])(
    '%s is refused with an example',
    (text) => expect(() => parseModelRef(text)).toThrow(/does not name a model.*owner\/name@revision/),
  );

  it('is told from words to search for', () => {
    expect(['Qwen/Qwen3-0.6B', 'small chat model', 'gpt2'].map(namesModel)).toEqual([true, false, false]);
  });
});

describe('the address of a hub', () => {
  it.each([
    ['', HUGGING_FACE],
    ['hf-mirror.com', 'https://hf-mirror.com'],
    ['https://mirror.example/some/path', 'https://mirror.example'],
    ['http://127.0.0.1:8080/', 'http://127.0.0.1:8080'],
  ])('“%s” is %s', (text, origin) => expect(parseHub(text)).toBe(origin));

  it.each(['http://mirror.example', 'ftp://mirror.example', 'https://', 'javascript:alert(1)', 'a b'])('%s is refused', (text) =>
    expect(() => parseHub(text)).toThrow(/can't be used as a hub.*https:\/\//),
  );

  it('opens the policy for the hosts of that hub and of its files', () => {
    expect(hubSources(HUGGING_FACE)).toEqual(['https://huggingface.co', 'https://*.hf.co']);
    expect(hubSources('https://hf-mirror.com')).toEqual([
      'https://hf-mirror.com:*',
      'https://*.hf-mirror.com:*',
      'https://huggingface.co',
      'https://*.hf.co',
    ]);
    expect(hubSources('http://127.0.0.1:80').slice(0, 2)).toEqual(['http://127.0.0.1:*', 'https://huggingface.co']);
  });
});

it('a download has a folder of its own for each hub, model and commit', () => {
  const of = { hub: 'http://127.0.0.1:8080', id: 'a/b.c', commit: '0'.repeat(40) };
  expect(downloadKey(of)).toBe(`127.0.0.1_8080--a--b.c--${'0'.repeat(40)}`);
});
