/** Forecasts of time in words. Pure. */

/** A forecast is right within this factor, both ways. */
const DOUBT = 1.25;

/** Steps to which the ends of a range are rounded, and up to which time in seconds. */
const GRAINS = [
  { upTo: 60, grain: 5 },
  { upTo: 600, grain: 60 },
  { upTo: 3600, grain: 300 },
  { upTo: Infinity, grain: 1800 },
] as const;

/** `under 10 s`, `20 to 30 s`, `4 to 6 min`, `1.5 to 2 h`. */
export function timeRange(seconds: number): string {
  if (seconds * DOUBT <= 10) return 'under 10 s';
  const least = rounded(seconds / DOUBT);
  const most = Math.max(rounded(seconds * DOUBT), least + grainOf(least));
  const unit = unitOf(most);
  const from = unitOf(least).name === unit.name ? shown(least, unit) : `${shown(least, unitOf(least))} ${unitOf(least).name}`;
  return from === shown(most, unit) ? `about ${from} ${unit.name}` : `${from} to ${shown(most, unit)} ${unit.name}`;
}

function grainOf(seconds: number): number {
  return GRAINS.find(({ upTo }) => seconds <= upTo)?.grain ?? 1;
}

function rounded(seconds: number): number {
  const grain = grainOf(seconds);
  return Math.max(grain, Math.round(seconds / grain) * grain);
}

interface Unit {
  readonly name: string;
  readonly seconds: number;
}

function unitOf(seconds: number): Unit {
  if (seconds < 60) return { name: 's', seconds: 1 };
  return seconds < 3600 ? { name: 'min', seconds: 60 } : { name: 'h', seconds: 3600 };
}

const shown = (seconds: number, unit: Unit): string => String(Number((seconds / unit.seconds).toFixed(1)));
