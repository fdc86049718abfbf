/** Formats the figures of a run: digits, units, durations. Pure. */

/** A loss in nats, four significant places at most. */
export function loss(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return Number.isFinite(value) ? value.toFixed(value >= 100 ? 1 : 3) : 'not a number';
}

/** A learning rate such as `2.0e-4`. */
export function learningRate(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return value === 0 ? '0' : value.toExponential(2);
}

/** A whole or rounded figure with thousands separators. */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value) ? '–' : Math.round(value).toLocaleString('en-US');
}

/** A share as a percentage. */
export function share(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value) ? '–' : `${Math.round(100 * value)} %`;
}

/** Tokens a second: one decimal below ten. */
export function rate(value: number | null | undefined): string {
  return value !== null && value !== undefined && value < 10 ? value.toFixed(1) : count(value);
}

/** `45 s`, `3 min 05 s`, `2 h 07 min`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

/** Points for an answer: `1`, `0.75`. */
export function points(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toFixed(3))) : 'not a number';
}

/** A label on an axis, with at most four significant digits. */
export function axisLabel(value: number): string {
  const size = Math.abs(value);
  const rounded = Number(value.toPrecision(4));
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? rounded.toExponential().replace('e+', 'e') : String(rounded);
}

/** A time on an axis: `45 s`, `2:30`, `1:05:00`. */
export function clock(seconds: number): string {
  if (seconds < 60) return `${axisLabel(seconds)} s`;
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), Math.round(seconds % 60)];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}
