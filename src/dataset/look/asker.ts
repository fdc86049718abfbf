/** The contract of questions about rows. */

import type { Looked } from './looked';
import type { Over } from './scan';
import type { LookKind, LookTypes, Reply } from './types';

/** Answers a question as far as the time reaches. */
export type Asker<K extends LookKind> = (looked: Looked, asked: LookTypes[K]['asked'], over: Over) => Promise<Reply<K>>;
