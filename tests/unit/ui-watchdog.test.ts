/** When silence of a run counts as a hang. All times in milliseconds of a clock that the tests set. */

import { beforeEach, describe, expect, it } from 'vitest';
import { Watchdog, type SilenceLimits } from '../../src/state/watchdog';

const limits: SilenceLimits = { beforeFirstStep: 300_000, training: 60_000 };
let now = 0;
const clock = () => now;
let dog: Watchdog;

beforeEach(() => {
  now = 1_000_000;
  dog = new Watchdog(limits, clock);
});

/** Lets `ms` pass, with a check every second as on the page. Returns the first silence that was reported. */
function pass(ms: number) {
  const end = now + ms;
  let found = null;
  while (now < end) {
    now = Math.min(end, now + 1000);
    found ??= dog.check();
  }
  return found;
}

const step = () => dog.heard(true);
const phase = () => dog.heard(false);

describe('before the first step', () => {
  it('five minutes without an event are a hang, less is not', () => {
    expect(pass(300_000)).toBeNull();
    expect(pass(1000)).toEqual({ since: 1_000_000, limit: 300_000, usual: 0 });
  });

  it('phases count as events', () => {
    for (let i = 0; i < 10; i++) {
      expect(pass(200_000)).toBeNull();
      phase();
    }
  });
});

describe('while steps are trained', () => {
  beforeEach(step);

  it('a minute without an event is a hang when steps are quick', () => {
    for (let i = 0; i < 20; i++) {
      expect(pass(1000)).toBeNull();
      step();
    }
    const last = now;
    expect(pass(60_000)).toBeNull();
    expect(pass(1000)).toEqual({ since: last, limit: 60_000, usual: 1000 });
  });

  it('the limit of slow steps is eight times their longest gap', () => {
    pass(50_000);
    step();
    pass(10_000);
    step();
    const last = now;
    expect(pass(400_000)).toBeNull();
    expect(pass(1000)).toEqual({ since: last, limit: 400_000, usual: 50_000 });
  });

  it('phases count as events, so that a long evaluation is not a hang', () => {
    for (let i = 0; i < 30; i++) {
      expect(pass(50_000)).toBeNull();
      phase();
    }
  });

  it('an event ends the silence', () => {
    expect(pass(61_000)).not.toBeNull();
    step();
    expect(dog.check()).toBeNull();
  });

  it('a gap that was reported as a hang counts as usual afterwards', () => {
    pass(100_000);
    step();
    expect(pass(800_000)).toBeNull();
    expect(pass(1000)).not.toBeNull();
  });
});

describe('keep waiting', () => {
  it('reports nothing for as long as the limit, then the same silence again', () => {
    step();
    const last = now;
    expect(pass(61_000)).not.toBeNull();
    dog.keepWaiting();
    expect(dog.check()).toBeNull();
    expect(pass(60_000)).toBeNull();
    expect(pass(1000)?.since).toBe(last);
  });
});

describe('a computer that slept', () => {
  it('is not reported as a hang: the silence is counted from its end', () => {
    step();
    pass(30_000);
    now += 8 * 3_600_000;
    expect(dog.check()).toBeNull();
    expect(pass(59_000)).toBeNull();
    expect(pass(2000)).not.toBeNull();
  });

  it('does not make long gaps usual, also when an event comes before the next check', () => {
    step();
    pass(30_000);
    now += 8 * 3_600_000;
    step();
    expect(pass(60_000)).toBeNull();
    expect(pass(2000)).toMatchObject({ limit: 60_000, usual: 0 });
  });

  it('is not confused with a hidden page, which checks only once a minute', () => {
    step();
    for (let i = 0; i < 2; i++) {
      now += 60_000;
      if (i === 0) expect(dog.check()).toBeNull();
    }
    expect(dog.check()).not.toBeNull();
  });
});
