/** The keeping worker: owns the datasets that this browser keeps. It is apart from the data worker, which is ended when reading is cancelled. */

import './lifeline';
import { expose } from 'comlink';
import { KeptDatasets } from '../src/dataset/kept';
import type { KeepApi } from './api';
import { carryProblems } from './problems';

carryProblems();
const kept: KeepApi = new KeptDatasets();
expose(kept);
