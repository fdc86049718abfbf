/** Each stage in a few words, for the rail and for the folded stage. Reads state. */

import type { StageId, StageView } from '../state/app.svelte';
import { data } from '../state/data.svelte';
import { device } from '../state/device.svelte';
import { usedExamples } from '../state/goal';
import { mixtures } from '../state/mixture.svelte';
import { model } from '../state/model.svelte';
import { recipe } from '../state/recipe.svelte';
import { training } from '../state/training.svelte';
import { use } from '../state/use.svelte';
import { plural, short } from './format';
import { jobWords } from './recipe/words';
import { trainView } from './train/words';

export const SUMMARIES: Readonly<Record<StageId, () => StageView>> = {
  model: () => {
    if (model.inspecting) return { standing: 'busy', summary: 'Reading…' };
    if (model.failure !== null || device.failure !== null) return { standing: 'problem', summary: 'Has a problem' };
    if (model.view === null) return { standing: 'open', summary: 'None chosen' };
    return { standing: 'done', summary: `${model.view.name}, ${short(model.view.parameters)} parameters` };
  },
  data: () => {
    if (data.opening) return { standing: 'busy', summary: 'Reading…' };
    if (data.failure !== null) return { standing: 'problem', summary: 'Has a problem' };
    if (data.view === null) return { standing: 'open', summary: 'Drop a file or choose a sample' };
    const examples = usedExamples(recipe.at('objective.kind'), data.view);
    if (examples === 0) return { standing: 'problem', summary: 'No row can be used' };
    const more = mixtures.others.length === 0 ? '' : `, and ${plural(mixtures.others.length, 'other dataset')}`;
    return { standing: 'done', summary: `${data.view.name}, ${plural(examples, 'example')}${more}` };
  },
  recipe: () => {
    if (recipe.value === null) return { standing: 'problem', summary: `${plural(recipe.problems.length, 'setting')} to change` };
    const { method, objective, learningRate } = recipe.value;
    const steps = recipe.forecast === null ? '' : `, ${plural(recipe.forecast.steps, 'step')}`;
    return { standing: 'done', summary: `${jobWords(method, objective)}, rate ${learningRate.toExponential()}${steps}` };
  },
  train: () => trainView(training),
  use: () => {
    if (use.writing !== null) return { standing: 'busy', summary: 'Answering…' };
    return { standing: 'open', summary: use.run === null ? '' : use.run.name };
  },
};
