import { describe, expect, it } from '@jest/globals';
import { createLoginThrottle } from '../../src/ops/throttle.ts';

function throttleAt(start = 0) {
  let now = start;
  const throttle = createLoginThrottle({ failures: 3, windowMs: 1_000, addresses: 2, now: () => now });
  const fail = (address: string, times = 3) => {
    for (let i = 0; i < times; i += 1) throttle.failed(address);
  };
  return { throttle, fail, at: (ms: number) => (now = ms) };
}

describe('login throttle', () => {
  it('blocks an address from the last failure it may have until its window ends', () => {
    const { throttle, fail, at } = throttleAt();
    fail('10.0.0.1', 2);
    expect(throttle.blockedForMs('10.0.0.1')).toBe(0);
    at(400);
    fail('10.0.0.1', 1);
    expect(throttle.blockedForMs('10.0.0.1')).toBe(600);
    at(999);
    expect(throttle.blockedForMs('10.0.0.1')).toBe(1);
    at(1_000);
    expect(throttle.blockedForMs('10.0.0.1')).toBe(0);
  });

  it('leaves other addresses alone', () => {
    const { throttle, fail } = throttleAt();
    fail('10.0.0.1');
    expect(throttle.blockedForMs('10.0.0.2')).toBe(0);
  });

  it('takes all addresses of an IPv6 network for one', () => {
    const { throttle, fail } = throttleAt();
    fail('2001:db8:0:7::1', 2);
    fail('2001:db8:0:7:aaaa:bbbb:cccc:dddd', 1);
    expect(throttle.blockedForMs('2001:db8::7:0:0:0:3')).toBeGreaterThan(0);
    expect(throttle.blockedForMs('2001:db8:0:8::1')).toBe(0);
  });

  it('takes an IPv4 address in IPv6 clothes for the IPv4 address', () => {
    const { throttle, fail } = throttleAt();
    fail('::ffff:10.0.0.1');
    expect(throttle.blockedForMs('10.0.0.1')).toBeGreaterThan(0);
    expect(throttle.blockedForMs('::ffff:10.0.0.2')).toBe(0);
  });

  it('remembers so many addresses and no more', () => {
    const { throttle, fail } = throttleAt();
    fail('10.0.0.1');
    fail('10.0.0.2');
    fail('10.0.0.3');
    expect(throttle.blockedForMs('10.0.0.1')).toBe(0);
    expect(throttle.blockedForMs('10.0.0.2')).toBeGreaterThan(0);
    expect(throttle.blockedForMs('10.0.0.3')).toBeGreaterThan(0);
  });
});
