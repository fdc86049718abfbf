/** `npm start [-- --port N] [--host ADDRESS]`: builds the page and serves it until it is stopped. */

import { parseArgs } from 'node:util';
import { buildPage, portTaken, servePage } from './serve';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '5173' }, host: { type: 'string', default: '127.0.0.1' } },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new Error(`--port ${values.port} is not a port: expected 1 to 65535.`);
  if (await portTaken(port)) throw new Error(taken(port));
  await buildPage();
  const { url } = await servePage(port, values.host);
  console.log(`Finetab is ready on ${url.slice(0, -1)} (Ctrl+C stops it)`);
}

function taken(port: number): string {
  const other = port === 65535 ? port - 1 : port + 1;
  return `Port ${port} is in use, perhaps by another Finetab. Stop it, or choose another port: npm start -- --port ${other}`;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
