import { describe, expect, it } from '@jest/globals';
import { type Network, readNetwork } from '../../src/base/networks.ts';
import { createClientAddress } from '../../src/ops/client-address.ts';

const networks = (...texts: string[]) =>
  texts.map(readNetwork).filter((network): network is Network => network !== undefined);

describe('the address of the client', () => {
  const addressOf = createClientAddress(networks('10.0.0.0/8', '192.168.1.20', 'fd00::/8'));

  it.each<[what: string, remote: string, forwarded: string | undefined, client: string]>([
    ['is that of the connection', '203.0.113.9', undefined, '203.0.113.9'],
    ['is not what a stranger says it is', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['is what a proxy says', '10.0.0.7', '198.51.100.1', '198.51.100.1'],
    [
      'is what the last proxy says, not what came before',
      '10.0.0.7',
      '1.1.1.1, 198.51.100.1',
      '198.51.100.1',
    ],
    [
      'is looked for behind several proxies',
      '10.0.0.7',
      '1.1.1.1, 198.51.100.1, 192.168.1.20',
      '198.51.100.1',
    ],
    ['ends at a proxy that nobody named', '10.0.0.7', '198.51.100.1, 192.168.1.21', '192.168.1.21'],
    ['is the proxy where it says nothing', '10.0.0.7', undefined, '10.0.0.7'],
    ['is the proxy where what it says is no address', '10.0.0.7', '198.51.100.1, unknown', '10.0.0.7'],
    ['is the first of them where all are proxies', '10.0.0.7', '10.0.0.9, 10.0.0.8', '10.0.0.9'],
    ['may come with its port', '10.0.0.7', '198.51.100.1:51234', '198.51.100.1'],
    ['may be of IPv6, with its port', 'fd00::1', '[2001:db8::7]:443', '2001:db8::7'],
    ['may be of IPv4 in IPv6', '::ffff:10.0.0.7', '::ffff:198.51.100.1', '198.51.100.1'],
  ])('%s', (_what, remote, forwarded, client) => {
    expect(addressOf(remote, forwarded)).toBe(client);
  });

  it('is that of the connection where no proxy is named', () => {
    expect(createClientAddress([])('127.0.0.1', '198.51.100.1')).toBe('127.0.0.1');
    expect(createClientAddress([])(undefined, undefined)).toBe('unknown');
  });
});

describe('a network', () => {
  it.each(['10.0.0.7', '10.0.0.0/8', '::1', 'fd00::/8', '10.0.0.7/32'])('%s is one', (text) => {
    expect(readNetwork(text)).toMatchObject({ address: text.split('/')[0] });
  });

  it.each([
    '',
    'proxy',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/0',
    '::/0',
    '10.0.0.0/8/8',
    '10.0.0.0/x',
    '10.0.0.7:80',
  ])('%s is none', (text) => {
    expect(readNetwork(text)).toBeUndefined();
  });
});
