import { createClient, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-web';
import {
  ApprovalService,
  AuditService,
  CycleService,
  DataService,
  DriftService,
  EventService,
  IncidentService,
  LabelingService,
  ModelService,
  OperationsService,
  PipelineService,
  RolloutService,
} from '@rondo/contracts';
import { problemOf } from './errors.js';
import { session } from './session.js';

/** The many reads of a page whose session ended soon count as too many failures; that means signed out as well. */
function saysSignedOut(error: unknown): boolean {
  const { kind, reason } = problemOf(error);
  return kind === 'unauthenticated' || reason === 'TOO_MANY_FAILURES';
}

/** Every answer `unauthenticated` turns the page into the sign-in page; every other answer means we are signed in. */
const noticeSession: Interceptor = (next) => async (request) => {
  try {
    const response = await next(request);
    session.set('signedIn');
    return response;
  } catch (error) {
    if (saysSignedOut(error)) session.set('signedOut');
    throw error;
  }
};

/** Connect with JSON to the origin the page came from; the session travels in its cookie. */
const transport = createConnectTransport({
  baseUrl: window.location.origin,
  interceptors: [noticeSession],
  defaultTimeoutMs: 20_000,
});

/** One typed client per service of the API. */
export const api = {
  pipelines: createClient(PipelineService, transport),
  cycles: createClient(CycleService, transport),
  events: createClient(EventService, transport),
  approvals: createClient(ApprovalService, transport),
  models: createClient(ModelService, transport),
  incidents: createClient(IncidentService, transport),
  audit: createClient(AuditService, transport),
  operations: createClient(OperationsService, transport),
  rollouts: createClient(RolloutService, transport),
  labeling: createClient(LabelingService, transport),
  data: createClient(DataService, transport),
  drift: createClient(DriftService, transport),
};
