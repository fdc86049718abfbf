/**
 * The script of address.html, which may reach any https host. The page of the stages opens it in a frame when the user asks for a file at an
 * address, and removes it when the file is there.
 */

import { expose } from 'comlink';
import { trustOwnScripts } from '../src/core/trusted';
import { RemoteFiles } from '../src/hub/remote-file';
import type { AddressApi } from './api';
import { carryProblems } from './problems';

trustOwnScripts();
carryProblems();
const files = new RemoteFiles();
const service: AddressApi = {
  ready: () => Promise.resolve(),
  fetch: (address, onBytes) => files.fetch(address, onBytes),
  cancel: () => {
    files.cancel();
    return Promise.resolve();
  },
};
addEventListener('message', ({ origin, source, ports }) => {
  const [port] = ports;
  if (origin === location.origin && source === parent && port !== undefined) expose(service, port);
});
