/** What a hub refuses or fails to do, as sentences that say what to do next. */

import { CodedError, type ErrorCode } from '../core/errors';

/** What was asked for. */
export interface Asked {
  /** Origin of the hub. */
  readonly hub: string;
  /** The model; null for a search. */
  readonly id: string | null;
  readonly revision?: string | null;
  readonly file?: string;
  /** A token was sent. */
  readonly signedIn: boolean;
}

interface Refusal {
  readonly status: number;
  /** The header `X-Error-Code`; empty when there is none. */
  readonly code: string;
  readonly message: string;
  /** It came from the address that the hub redirected to. */
  readonly redirected: boolean;
  readonly asked: Asked;
}

interface Rule {
  readonly applies: (refusal: Refusal) => boolean;
  readonly code: ErrorCode;
  readonly says: (refusal: Refusal) => string;
}

const hostOf = ({ hub }: Asked): string => new URL(hub).host;
const subject = ({ id, file }: Asked): string => (file === undefined ? (id ?? 'the search') : `${file} of ${id ?? ''}`);
const closed = ({ status }: Refusal): boolean => status === 401 || status === 403;

/** The first that applies says it. */
const RULES: readonly Rule[] = [
  {
    applies: (refusal) => closed(refusal) && refusal.redirected,
    code: 'hub/failed',
    says: ({ asked }) =>
      `The address that ${hostOf(asked)} gave for ${subject(asked)} has expired. Press Retry for a new one; what is stored stays.`,
  },
  {
    applies: ({ code, asked }) => code === 'GatedRepo' && !asked.signedIn,
    code: 'hub/gated',
    says: ({ asked }) =>
      `${asked.id ?? ''} is gated: its owner asks you to accept conditions. Open ${asked.hub}/${asked.id ?? ''}, sign in and accept them; ` +
      `then make a token with read access at ${asked.hub}/settings/tokens, enter it in the field “Token”, and try again.`,
  },
  {
    applies: ({ code }) => code === 'GatedRepo',
    code: 'hub/gated',
    says: ({ asked }) =>
      `${asked.id ?? ''} is gated, and the account of your token has no access yet. Open ${asked.hub}/${asked.id ?? ''}, accept the ` +
      `conditions (some owners approve each request by hand), check that the token may read gated models, and try again.`,
  },
  {
    applies: (refusal) => closed(refusal) && /is disabled/i.test(refusal.message),
    code: 'hub/disabled',
    says: ({ asked }) => `${hostOf(asked)} has disabled ${asked.id ?? 'this'}: nobody can download it. Choose another model.`,
  },
  {
    applies: (refusal) => closed(refusal) && /invalid credentials/i.test(refusal.message),
    code: 'hub/token',
    says: ({ asked }) =>
      `${hostOf(asked)} does not accept the token. Copy it again from ${asked.hub}/settings/tokens (it begins with hf_), or empty the field “Token”, and try again.`,
  },
  {
    applies: (refusal) => closed(refusal) && refusal.asked.signedIn,
    code: 'hub/token',
    says: ({ asked }) =>
      `The token gives no access to ${subject(asked)}. Make one that may read this model at ${asked.hub}/settings/tokens, and try again.`,
  },
  {
    applies: (refusal) => closed(refusal) || refusal.code === 'RepoNotFound',
    code: 'hub/not-found',
    says: ({ asked }) =>
      `${hostOf(asked)} has no public model ${asked.id ?? ''}. Check the spelling of owner and name; for a private model enter a token, and try again.`,
  },
  {
    applies: ({ code }) => code === 'RevisionNotFound',
    code: 'hub/not-found',
    says: ({ asked }) =>
      `${asked.id ?? ''} has no revision ${asked.revision ?? 'main'}. Leave out “@${asked.revision ?? 'main'}” for the newest files, or name a branch, tag or commit that exists.`,
  },
  {
    applies: ({ status, asked }) => status === 404 && asked.file !== undefined,
    code: 'hub/not-found',
    says: ({ asked }) =>
      `${asked.id ?? ''} no longer has ${asked.file ?? 'the file'} at this commit. Look the model up again; if it fails again, choose another model.`,
  },
  {
    applies: ({ status }) => status === 404,
    code: 'hub/not-found',
    says: ({ asked }) =>
      `${hostOf(asked)} has no ${asked.id === null ? 'search' : `model ${asked.id}`}. Check the spelling, and the address of the hub.`,
  },
  {
    applies: ({ status }) => status === 416,
    code: 'hub/range',
    says: ({ asked }) =>
      `${hostOf(asked)} refuses the rest of ${subject(asked)}: the part that is stored here does not fit its file. Retry loads this file from its beginning.`,
  },
  {
    applies: ({ status }) => status === 429,
    code: 'hub/busy',
    says: ({ asked }) =>
      `${hostOf(asked)} answers no more requests from your address for now. Wait five minutes, then press Retry; what is stored stays.` +
      (asked.signedIn ? '' : ' A token raises the limit.'),
  },
  {
    applies: ({ status }) => status >= 500,
    code: 'hub/failed',
    says: ({ asked, status }) =>
      `${hostOf(asked)} failed on ${subject(asked)} (status ${status}). The fault is on its side: wait a minute, then press Retry; what is stored stays.`,
  },
  {
    applies: () => true,
    code: 'hub/answer',
    says: ({ asked, status }) =>
      `${hostOf(asked)} answered ${subject(asked)} with the status ${status}, which a hub does not use. Check the address of the hub, then try again.`,
  },
];

/** The error for an answer that is not a success. */
export async function refusalOf(response: Response, asked: Asked): Promise<CodedError> {
  const { status, headers } = response;
  const message = headers.get('x-error-message') ?? (await bodyMessage(response));
  const redirected = response.redirected && new URL(response.url).origin !== asked.hub;
  const refusal = { status, code: headers.get('x-error-code') ?? '', message, redirected, asked };
  const rule = RULES.find(({ applies }) => applies(refusal));
  return new CodedError(rule?.code ?? 'hub/answer', rule?.says(refusal) ?? message);
}

/** The `error` of a small JSON body. */
async function bodyMessage(response: Response): Promise<string> {
  const text = await response.text().catch(() => '');
  return /"error"\s*:\s*"([^"]{0,300})/.exec(text)?.[1] ?? text.slice(0, 300);
}

/** The request got no answer at all. */
export function unreachable(asked: Asked, cause: unknown): CodedError {
  const { navigator } = globalThis as { readonly navigator?: { readonly onLine?: boolean } };
  const offline = navigator?.onLine === false;
  const message = offline
    ? 'This device is offline. Connect it to the network, then press Retry; what is stored stays.'
    : `${hostOf(asked)} could not be reached for ${subject(asked)}. Check the connection and the address of the hub (it must allow ` +
      `requests from web pages), then press Retry; what is stored stays.`;
  return new CodedError('hub/unreachable', message, [], { cause });
}

/** A web page came in place of data. */
export function isPage(asked: Asked): CodedError {
  return new CodedError(
    'hub/answer',
    `${hostOf(asked)} sent a web page in place of ${subject(asked)}. A network that asks you to sign in does this, or an address that is not a hub: ` +
      `open ${asked.hub} in a new tab, then press Retry.`,
  );
}

/** The answer is not what the hub's API sends. */
export function badAnswer(asked: Asked, found: string): CodedError {
  return new CodedError(
    'hub/answer',
    `${hostOf(asked)} gave an answer for ${subject(asked)} that can't be read (${found}). Check that the address is that of a hub, then try again.`,
  );
}

/** The connection ended before the file did. */
export function cut(asked: Asked, cause?: unknown): CodedError {
  return new CodedError(
    'hub/cut',
    `The connection to ${hostOf(asked)} was cut during ${subject(asked)}. What was loaded is stored: press Retry to go on from there.`,
    [],
    { cause },
  );
}

/** No bytes for a while, or too few. */
export function tooSlow(asked: Asked, seconds: number): CodedError {
  return new CodedError(
    'hub/slow',
    `${hostOf(asked)} sent next to nothing of ${subject(asked)} for ${seconds} s. What was loaded is stored: press Retry to go on, or try a faster network or another hub address.`,
  );
}

/** The file has another size than at the commit. */
export function changed(asked: Asked, expected: number, found: number): CodedError {
  return new CodedError(
    'hub/changed',
    `${subject(asked)} has ${found} bytes on ${hostOf(asked)}, but ${expected} at the chosen commit: it was changed. What was loaded of it was deleted. ` +
      `Press Retry; if it fails again, look the model up again or use another hub address.`,
  );
}

/** The bytes are not those of the commit. */
export function wrongHash(asked: Asked, kind: string, expected: string, found: string): CodedError {
  return new CodedError(
    'hub/hash',
    `${subject(asked)} is damaged: its ${kind} is ${found.slice(0, 12)}…, not ${expected.slice(0, 12)}…. The file was deleted here. ` +
      `Press Retry to load it again; if it fails again, ${hostOf(asked)} has a damaged copy: use another hub address.`,
  );
}
