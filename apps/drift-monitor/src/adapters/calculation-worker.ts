/** Worker thread of the arithmetic. */
import { answerRequests } from '@rondo/service/threads';
import { calculated } from '../domain/calculation.js';

answerRequests(calculated);
