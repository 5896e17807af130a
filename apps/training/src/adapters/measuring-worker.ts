/** Worker thread that measures models. */
import { answerRequests } from '@rondo/service/threads';
import { classificationEstimates } from '@rondo/statistics';
import type { MeasuredRows } from '../ports/measure.js';

answerRequests(({ labels, probabilities }: MeasuredRows) => classificationEstimates(labels, probabilities));
