import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '@rondo/config';
import { allServices } from '@rondo/contracts';
import { apiConfig } from './config.js';
import { servicesOfOthers } from './owners.js';

describe('the services that the API forwards', () => {
  const config = parseConfig(apiConfig, { RONDO_ROLLOUT_ADDRESS: '10.0.0.1:4701,10.0.0.2:4701' });
  const own = allServices().filter(({ file }) => file.proto.package === 'rondo.control.v1');

  it('are all that the control-plane does not carry out itself, each with its owner', () => {
    const others = servicesOfOthers(own, config);
    const served = [...own, ...others.flatMap(({ services }) => services)].map(({ typeName }) => typeName);
    expect([...served].sort()).toEqual(
      allServices()
        .map(({ typeName }) => typeName)
        .sort(),
    );
    expect(others.map(({ owner, addresses }) => [owner, addresses])).toEqual([
      ['data-prep', ['data-prep:4701']],
      ['drift-monitor', ['drift-monitor:4701']],
      ['labeling', ['labeling:4701']],
      ['rollout', ['10.0.0.1:4701', '10.0.0.2:4701']],
    ]);
  });

  it('are refused when nobody owns them', () => {
    expect(() => servicesOfOthers([], config)).toThrow(/rondo\.control\.v1\.\w+ belongs to no process/);
  });
});
