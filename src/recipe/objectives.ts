/** The settings of each objective. */

export interface PreferenceSettings {
  /** How strongly the model is held to the reference. */
  readonly beta: number;
}

export type ObjectiveSettings =
  | { readonly kind: 'sft' }
  | { readonly kind: 'classify' }
  | { readonly kind: 'multi-label' }
  | { readonly kind: 'regress' }
  | ({ readonly kind: 'dpo' } & PreferenceSettings)
  | ({ readonly kind: 'ipo' } & PreferenceSettings);

export type ObjectiveKind = ObjectiveSettings['kind'];
export type ObjectiveSettingsOf<K extends ObjectiveKind> = Extract<ObjectiveSettings, { readonly kind: K }>;
