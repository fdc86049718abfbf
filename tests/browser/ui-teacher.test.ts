/** The choice of a teacher, with calls of the worker that the test answers. */

import { afterEach, expect, test } from 'vitest';
import { TeacherState } from '../../src/state/teacher.svelte';
import type { TeacherView, TrainApi } from '../../workers/api';
import { deferredClient } from './deferred-client';

afterEach(() => {
  sessionStorage.clear();
  localStorage.clear();
});

const viewOf = (id: string, problem: string | null = null): TeacherView => ({
  ...{ id, name: id, bytes: 1, parameters: 1, writes: true, chats: true },
  problem,
});

test('files that are given are read, listed and chosen, and read again by the next worker', async () => {
  const { client, call, calls, die } = deferredClient<TrainApi>();
  const state = new TeacherState(client);
  const looking = state.look('student');
  (await call('teachers')).resolve([]);
  await looking;
  const files = [new File(['{}'], 'config.json')];
  const taking = state.take(files);
  const source = { kind: 'files', files };
  const inspected = await call('inspectModel');
  expect(inspected.args).toEqual([source]);
  expect(state.reading).toBe(true);
  inspected.resolve({ id: 'big' });
  (await call('teachers', 1)).resolve([viewOf('big')]);
  await taking;
  expect(state).toMatchObject({ reading: false, failure: null, value: { modelId: 'big', precision: 'stored' } });
  die();
  expect((await call('inspectModel', 1)).args).toEqual([source]);
  expect(calls).toHaveLength(4);
  const next = new TeacherState(deferredClient<TrainApi>({ teachers: () => [viewOf('big')] }).client);
  next.restore();
  await next.look('student');
  expect(next.value).toEqual({ modelId: 'big', precision: 'stored' });
});

test('a teacher that does not fit another model is not used, and the newest model counts', async () => {
  const { client, call } = deferredClient<TrainApi>();
  const state = new TeacherState(client);
  state.choose('big');
  const both = [state.look('first'), state.look('second')];
  (await call('teachers', 1)).resolve([viewOf('big', 'It has other tokens.')]);
  (await call('teachers', 0)).resolve([viewOf('big')]);
  await Promise.all(both);
  expect(state).toMatchObject({ value: null, view: { id: 'big', problem: 'It has other tokens.' } });
});

test('files that are no model are refused, and the choice stays', async () => {
  const { client, call } = deferredClient<TrainApi>({ teachers: () => [viewOf('big')] });
  const state = new TeacherState(client);
  await state.look('student');
  state.choose('big');
  const taking = state.take([new File([''], 'notes.txt')]);
  (await call('inspectModel')).reject(new Error('These files are not a complete model.'));
  await taking;
  expect(state.failure?.message).toContain('not a complete model');
  expect(state.value).toEqual({ modelId: 'big', precision: 'stored' });
});
