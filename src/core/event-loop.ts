/** Lets the event loop run during long work on one thread. */

/** Ports of Node keep it running while they are referenced. */
type Port = MessagePort & { readonly ref?: () => void; readonly unref?: () => void };

const { port1, port2 }: { readonly port1: Port; readonly port2: MessagePort } = new MessageChannel();
const waiting: (() => void)[] = [];
port1.onmessage = () => {
  waiting.shift()?.();
  if (waiting.length === 0) port1.unref?.();
};
port1.unref?.();

/** Resolves after pending messages are handled. A MessageChannel, because browsers delay nested timeouts by at least 4 ms. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    port1.ref?.();
    waiting.push(resolve);
    port2.postMessage(null);
  });
}

/** Milliseconds of work after which other work comes in between. */
const PAUSE_AFTER = 40;

/** A function to await during long work: it lets the event loop run when some time has passed since it did last. */
export function pauses(): () => Promise<void> | undefined {
  let paused = performance.now();
  const pause = async (): Promise<void> => {
    await yieldToEventLoop();
    paused = performance.now();
  };
  return () => (performance.now() - paused < PAUSE_AFTER ? undefined : pause());
}
