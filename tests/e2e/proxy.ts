/** A proxy for all requests of the browser, which records them and forwards only those to one origin. */

import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Gate {
  /** Address to give to the browser as its proxy. */
  readonly server: string;
  /** Requested origins, except the page's own and those of the browser's services. */
  readonly foreign: () => readonly string[];
  readonly close: () => Promise<void>;
}

/** Hosts that Chrome's update, sign-in and autofill request. The test checks the page's own requests separately. */
const BROWSERS_OWN = /^https?:\/\/([\w-]+\.)*(google|googleapis|gstatic|gvt1)\.com(:\d+)?$/;

/** Opens a proxy that forwards requests to `origin` and refuses all others, as on a machine without network. */
export async function openGate(origin: string): Promise<Gate> {
  const asked = new Set<string>();
  const note = (one: string): boolean => {
    asked.add(one);
    return one === origin;
  };
  const foreign = () => [...asked].filter((one) => one !== origin && !BROWSERS_OWN.test(one));
  const server = createServer((incoming, response) => {
    if (note(originOf(incoming.url ?? ''))) forward(incoming, response);
    else response.writeHead(403).end();
  });
  server.on('connect', (incoming: IncomingMessage, socket) => {
    note(`https://${incoming.url ?? ''}`);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections());
  return { server: `http://127.0.0.1:${port}`, foreign, close };
}

const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : url);

function forward(incoming: IncomingMessage, response: ServerResponse): void {
  const { method, headers, url = '' } = incoming;
  const onward = request(url, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.writeHead(502).end());
  incoming.pipe(onward);
}
