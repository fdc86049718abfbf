/** What training would take with a model that is not on this device, in a few words. Pure. */

import type { DeviceView, DownloadProgress } from '../../../workers/api';
import type { Failure } from '../../state/failure';
import type { Prospect } from '../../state/hub.svelte';
import { bytes } from '../format';
import { verdictOf } from '../recipe/verdict';
import { timeRange } from '../run/time';

export interface ProspectWords {
  readonly text: string;
  /** It can't be trained, or may not fit. */
  readonly doubtful: boolean;
  /** Finetab can't open it, so that a download would be for nothing. */
  readonly useless: boolean;
}

const FITS = { yes: 'fits', perhaps: 'may not fit', no: 'does not fit' } as const;

/** `needs 0.9 GB, fits · 4 to 6 min`; the time only where there are data. */
export function prospectWords({ known, failure }: Prospect, device: DeviceView | null, hasData: boolean): ProspectWords {
  if (known === null) return { text: refusalWords(failure), doubtful: true, useless: true };
  const { forecast, problem } = known;
  if (forecast === null) return { text: problem ?? '', doubtful: true, useless: false };
  const { fits } = verdictOf(forecast.total, device);
  const time = hasData && forecast.seconds !== null ? ` · ${timeRange(forecast.seconds)} with your data` : '';
  return { text: `Training needs ${bytes(forecast.total)}, ${FITS[fits]}${time}`, doubtful: fits !== 'yes', useless: false };
}

/** Why a model can't be opened, without the list of what can. */
function refusalWords({ message, problems }: Failure): string {
  const [first] = problems;
  return first === undefined ? message : `Can’t be trained here: ${first.where} ${first.message}.`;
}

/** `12.1 MB of 269 MB, 4.2 MB/s, 60 s left`; the amount alone when nothing moves. */
export function progressWords({ done, total, rate, seconds, stage, file }: DownloadProgress, halted = false): string {
  const amount = `${bytes(done)} of ${bytes(total)}`;
  if (halted) return amount;
  if (stage === 'checking') return `${amount}, checking ${file}`;
  if (stage === 'waiting' || rate === null) return amount;
  const left = seconds === null ? '' : `, ${leftWords(seconds)}`;
  return `${amount}, ${bytes(rate)}/s${left}`;
}

function leftWords(seconds: number): string {
  if (seconds < 10) return 'a few seconds left';
  if (seconds < 90) return `${Math.round(seconds / 5) * 5} s left`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min left`;
  return `${(seconds / 3600).toFixed(1)} h left`;
}

const LICENSES: Readonly<Record<string, string>> = {
  'apache-2.0': 'Apache 2.0',
  mit: 'MIT',
  gemma: 'Gemma terms',
  'llama3.2': 'Llama 3.2 licence',
};

/** The name of a licence; what the owner wrote when it is not a common one. */
export function licenseWords(license: string | null): string {
  return license === null ? 'no licence stated' : (LICENSES[license] ?? license);
}
