/** Starts the page. */

import { mount } from 'svelte';
import App from './ui/App.svelte';
import './ui/base/tokens.css';
import './ui/base/base.css';
import { trustOwnScripts } from './core/trusted';

trustOwnScripts();

const target = document.getElementById('app');
if (target !== null) mount(App, { target });
