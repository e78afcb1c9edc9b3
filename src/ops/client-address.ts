import { isIP } from 'node:net';
import { membersOf, type Network, plainAddress } from '../base/networks.ts';

/** `remote`: of the connection; `forwarded`: the header `X-Forwarded-For`. */
export type ClientAddress = (remote: string | undefined, forwarded: string | undefined) => string;

/**
 * Whose request it is. Each proxy adds whom it heard to the end of the header, so it is read from there, and only as far
 * as the one who wrote it is believed: what a client puts into it itself stands before that and is not looked at.
 */
export function createClientAddress(proxies: readonly Network[]): ClientAddress {
  const isProxy = membersOf(proxies);
  return (remote, forwarded = '') => {
    let client = plainAddress(remote ?? 'unknown');
    for (const hop of forwarded.split(',').toReversed()) {
      const address = addressIn(hop.trim());
      if (!isProxy(client) || address === undefined) break;
      client = address;
    }
    return client;
  };
}

/** Some proxies add the port. */
function addressIn(hop: string): string | undefined {
  const address = plainAddress(hop.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1'));
  return isIP(address) === 0 ? undefined : address;
}
