/** Worker thread of the heavy arithmetic: runs one calculation and says its result. */
import { answerRequests } from '@rondo/service/threads';
import { calculated } from '../domain/calculation.js';

answerRequests(calculated);
