/**
 * Running records. Alone, one thread does all units of one record after another. With helpers, each thread takes the next unit of a
 * record until there are none, and goes on to the next record when all units are done, by whichever thread: a thread that is late finds
 * its units done.
 *
 * The first thread opens a gate to start a run. At its end it closes the gate and waits for helpers that are still inside, because the
 * records may be freed afterwards. A helper announces itself before it looks at the gate, so that one of the two always sees the other.
 */

/** A kernel to run. `taken` and `done` count its units. */
@unmanaged
class Record {
  kernel: i32;
  args: usize;
  units: i32;
  taken: i32;
  done: i32;
  unused: i32;
}

/** What threads share. */
@unmanaged
class Control {
  /** The number of the run that helpers may join; 0 while none is open. */
  gate: i32;
  /** Helpers in a run. */
  active: i32;
  records: usize;
  count: i32;
  /** Helpers leave for good. */
  stopped: i32;
}

const GATE: usize = 0;
const ACTIVE: usize = 4;
const STOPPED: usize = 16;
const TAKEN: usize = 12;
const DONE: usize = 16;
const RECORD_BYTES: usize = 24;

/** Looks at a counter before a thread sleeps: sleeping and waking take longer than most records. */
const SPINS: i32 = 4000;
/** Nanoseconds that a thread sleeps at most before it looks again. */
const NAP: i64 = 1_000_000;
/** Naps without the awaited value after which a run is given up: a helper has died. */
const PATIENCE: i32 = 30_000;
/** The same where a thread may not sleep and looks `SPINS` times instead. */
const BUSY_PATIENCE: i32 = 1_000_000;

function call(record: Record, from: i32, to: i32, thread: i32): void {
  call_indirect<void>(record.kernel, record.args, from, to, thread);
}

export function run_alone(records: usize, count: i32): void {
  for (let i: i32 = 0; i < count; i++) {
    const record = changetype<Record>(records + <usize>i * RECORD_BYTES);
    call(record, 0, record.units, 0);
  }
}

/** Runs as the first thread. False when units were taken and never done. `sleeps`: the thread may sleep; that of a page may not. */
export function run_shared(control: usize, run: i32, records: usize, count: i32, sleeps: bool): bool {
  if (!ASC_FEATURE_THREADS) return false;
  for (let i: i32 = 0; i < count; i++) {
    const record = records + <usize>i * RECORD_BYTES;
    atomic.store<i32>(record, 0, TAKEN);
    atomic.store<i32>(record, 0, DONE);
  }
  const shared = changetype<Control>(control);
  shared.records = records;
  shared.count = count;
  atomic.store<i32>(control, run, GATE);
  atomic.notify(control + GATE, -1);
  const done = work(records, count, 0, sleeps);
  atomic.store<i32>(control, 0, GATE);
  return becomes(control + ACTIVE, 0, sleeps) && done;
}

/** Joins runs as a helper until it is stopped. */
export function run_helper(control: usize, thread: i32): void {
  if (!ASC_FEATURE_THREADS) return;
  let last: i32 = 0;
  while (atomic.load<i32>(control, STOPPED) == 0) {
    atomic.add<i32>(control, 1, ACTIVE);
    const run = atomic.load<i32>(control, GATE);
    if (run != 0 && run != last) {
      const shared = changetype<Control>(control);
      work(shared.records, shared.count, thread, true);
      last = run;
    }
    if (atomic.sub<i32>(control, 1, ACTIVE) == 1) atomic.notify(control + ACTIVE, -1);
    if (run == 0 || run == last) rest(control, run);
  }
}

/** Waits for another run than the one at the gate. */
function rest(control: usize, run: i32): void {
  for (let i: i32 = 0; i < SPINS; i++) if (atomic.load<i32>(control, GATE) != run) return;
  atomic.wait<i32>(control + GATE, run, -1);
}

/** Does units of all records. False when one was never done. */
function work(records: usize, count: i32, thread: i32, sleeps: bool): bool {
  for (let i: i32 = 0; i < count; i++) {
    const at = records + <usize>i * RECORD_BYTES;
    const record = changetype<Record>(at);
    const units = record.units;
    for (;;) {
      const unit = atomic.add<i32>(at, 1, TAKEN);
      if (unit >= units) break;
      call(record, unit, unit + 1, thread);
      if (atomic.add<i32>(at, 1, DONE) + 1 == units) atomic.notify(at + DONE, -1);
    }
    if (!becomes(at + DONE, units, sleeps)) return false;
  }
  return true;
}

/** Waits until a counter has a value. False when it did not get it in time. */
function becomes(counter: usize, value: i32, sleeps: bool): bool {
  const patience = sleeps ? PATIENCE : BUSY_PATIENCE;
  for (let nap: i32 = 0; nap < patience; nap++) {
    for (let i: i32 = 0; i < SPINS; i++) if (atomic.load<i32>(counter) == value) return true;
    if (!sleeps) continue;
    const found = atomic.load<i32>(counter);
    if (found != value) atomic.wait<i32>(counter, found, NAP);
  }
  return false;
}
