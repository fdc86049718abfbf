/** What a run trains and needs, in a few words each. Pure. */

import type { DatasetView, DeviceView, Forecast, ModelView } from '../../../workers/api';
import type { Recipe } from '../../recipe/recipe';
import type { StageId } from '../../state/app.svelte';
import { bytes, plural } from '../format';
import { verdictOf, type Verdict } from '../recipe/verdict';
import { jobWords } from '../recipe/words';
import { timeRange } from './time';

/** A choice, and the stage in which it is made. */
export interface Chip {
  readonly id: 'model' | 'data' | 'recipe' | 'time' | 'memory';
  readonly stage: StageId;
  readonly text: string;
  /** Nothing was chosen yet, or it can't be used. */
  readonly open: boolean;
}

/** The choices that Start would train with; null where there is none. */
export interface Choices {
  readonly model: Pick<ModelView, 'name'> | null;
  readonly data: Pick<DatasetView, 'examples'> | null;
  readonly recipe: Pick<Recipe, 'method' | 'objective'> | null;
  readonly forecast: Pick<Forecast, 'total' | 'seconds'> | null;
  readonly device: DeviceView | null;
}

const FITS: Readonly<Record<Verdict['fits'], string>> = { yes: 'fits', perhaps: 'may not fit', no: 'does not fit' };

export function chipsOf({ model, data, recipe, forecast, device }: Choices): readonly Chip[] {
  return [
    { id: 'model', stage: 'model', text: model?.name ?? 'No model', open: model === null },
    { id: 'data', stage: 'data', text: data === null ? 'No data' : plural(data.examples, 'example'), open: !data?.examples },
    {
      id: 'recipe',
      stage: 'recipe',
      text: recipe === null ? 'Settings to change' : jobWords(recipe.method, recipe.objective),
      open: recipe === null,
    },
    ...(forecast === null ? [] : [...timeChip(forecast.seconds), memoryChip(forecast.total, device)]),
  ];
}

/** None until the device was measured. */
function timeChip(seconds: number | null): readonly Chip[] {
  return seconds === null ? [] : [{ id: 'time', stage: 'recipe', text: timeRange(seconds), open: false }];
}

function memoryChip(total: number, device: DeviceView | null): Chip {
  const { fits } = verdictOf(total, device);
  return { id: 'memory', stage: 'recipe', text: `${bytes(total)}, ${FITS[fits]}`, open: fits !== 'yes' };
}
