import { allTopics } from '@rondo/contracts';
import { forwardTo, StreamHub, type Mount } from '@rondo/rpc';
import { everyReplica, type Platform, type RegisteredRpc } from '@rondo/service';
import type { ApiConfig } from './config.js';
import { HttpForwarder } from './forward-http.js';
import { servicesOfOthers } from './owners.js';

/** What the process that serves the whole API adds to its own services. */
export interface OpenApi {
  /** The services of other processes, forwarded. */
  readonly rpcs: readonly RegisteredRpc[];
  /** What other processes answer over HTTP, forwarded. */
  readonly mounts: readonly Mount[];
  /** What changes, for consoles. */
  readonly stream: StreamHub;
  close(): Promise<void>;
}

/** Connects to the owners of the other services and begins to tell consoles what changes. */
export async function openApi(options: {
  readonly config: ApiConfig;
  readonly own: readonly RegisteredRpc[];
  readonly platform: Platform;
}): Promise<OpenApi> {
  const { config, own, platform } = options;
  const forwarders = servicesOfOthers(
    own.map(({ service }) => service),
    config,
  ).map(({ services, ...owner }) => forwardTo(services, owner));
  const events = new HttpForwarder('data-prep', config.dataPrepHttp);
  const stream = new StreamHub();
  const feed = await platform.bus.subscribe(followChanges(platform, stream));
  return {
    rpcs: forwarders.flatMap(({ rpcs }) => rpcs),
    mounts: [
      {
        path: '/v1/events',
        requires: 'producer',
        handler: (request, response) => void events.answer(request, response),
      },
    ],
    stream,
    close: async () => {
      await feed.close();
      events.close();
      for (const forwarder of forwarders) forwarder.close();
    },
  };
}

/** Consoles hear that something changed, not what: they load it again. */
function followChanges(platform: Platform, stream: StreamHub) {
  return everyReplica(platform, {
    group: 'console-stream',
    topics: allTopics().filter((topic) => !/\.commands\.|\.serving\./.test(topic)),
    handle: (delivery) => {
      const kind = delivery.type.split('.').at(-1) ?? '';
      const data = { pipeline: delivery.key, cycleId: delivery.headers['cycleid'] ?? '', kind };
      stream.publish({ topic: delivery.topic, data });
      return Promise.resolve();
    },
  });
}
