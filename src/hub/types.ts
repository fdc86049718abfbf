/** Models on a hub, as plain data. */

import type { HashKind } from '../core/hash';
import type { TensorType } from '../formats/safetensors';

/** A file at a commit. The hub gives SHA-256 for large files, and the id of the git blob for the others. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  readonly hash: { readonly kind: HashKind; readonly value: string };
}

/** A model at a commit. */
export interface RepoInfo {
  /** The present name: hubs redirect from earlier ones. */
  readonly id: string;
  /** 40 hex digits. */
  readonly commit: string;
  readonly gated: boolean;
  /** As the owner states it, e.g. `apache-2.0`; null when nothing is stated. */
  readonly license: string | null;
}

/** A model that a search found. */
export interface Hit {
  readonly id: string;
  readonly downloads: number;
  readonly likes: number;
  readonly gated: boolean;
  readonly license: string | null;
}

/** A tensor according to the header of its file. */
export interface TensorOutline {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
}

/** What is known of a model before its download: its files, its configuration and the headers of its weights. */
export interface HubPlan extends RepoInfo {
  /** Origin of the hub. */
  readonly hub: string;
  /** The files that Finetab uses. */
  readonly files: readonly HubFile[];
  /** Bytes of these files. */
  readonly bytes: number;
  /** The text of config.json. */
  readonly config: string;
  readonly tensors: readonly TensorOutline[];
}
