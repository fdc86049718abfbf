/** The training worker: owns the device, the model and the store. */

import './lifeline';
import { expose } from 'comlink';
import { openRunStore } from '../src/checkpoint/store';
import { openModelCache } from '../src/model/cache';
import { trustOwnScripts } from '../src/core/trusted';
import { TrainService } from '../src/train/service';
import type { TrainApi } from './api';
import { carryProblems } from './problems';

trustOwnScripts();
carryProblems();
const service: TrainApi = new TrainService(openRunStore(), openModelCache());
expose(service);
