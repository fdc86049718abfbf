/** Starts the page. */

import { mount } from 'svelte';
import App from './ui/App.svelte';
import './ui/base/tokens.css';
import './ui/base/base.css';
import { trustOwnScripts } from './core/trusted';
import { app } from './state/app.svelte';
import { bodyOf } from './ui/bodies';

trustOwnScripts();

/** The page appears with the content of the open stage, so that nothing moves afterwards. */
async function start(): Promise<void> {
  await bodyOf(app.place.view).catch(() => undefined);
  const target = document.getElementById('app');
  if (target !== null) mount(App, { target });
}

void start();
