import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createRedactor, redactData } from '../../../src/base/redaction.ts';
import { unmasked } from '../../../src/sync/dead-letters/masked.ts';

const redact = createRedactor(['s3cret']);
const shown = (data: unknown) => redactData(data, redact);

const PAYLOAD = {
  locationId: 'store-1',
  note: 'key s3cret!',
  payments: [
    { kind: 'card', authorization: '012345' },
    { kind: 'card', authorization: '678901' },
  ],
};

describe('what was masked', () => {
  it('is kept from the original, wherever it was left as it was shown', () => {
    const edited: object = JSON.parse(JSON.stringify(shown({ ...PAYLOAD, locationId: 'store-2' })));
    expect(JSON.stringify(edited)).not.toMatch(/s3cret|012345/);
    expect(unmasked(PAYLOAD, edited, redact)).toEqual({
      data: { ...PAYLOAD, locationId: 'store-2' },
      problems: [],
    });
  });

  it('may be replaced by what a person puts in', () => {
    const edited = { ...PAYLOAD, note: 'none', payments: [{ kind: 'card', authorization: '1' }] };
    expect(unmasked(PAYLOAD, edited, redact)).toEqual({ data: edited, problems: [] });
  });

  it('is a problem with its path where nobody knows what it stands for', () => {
    const payments = [{ kind: 'card', authorization: '[redacted]' }];
    const { problems } = unmasked(PAYLOAD, { ...PAYLOAD, payments, other: 'a [redacted] b' }, redact);
    expect(problems.map(({ path }) => path)).toEqual(['payments[0].authorization', 'other']);
  });

  it('may be in a name', () => {
    const original = { 's3cret-1': 'a', plain: 'b' };
    expect(unmasked(original, shown(original), redact)).toEqual({ data: original, problems: [] });
    const both = { s3cret: 1, '[redacted]': 2 };
    expect(unmasked(both, { '[redacted]': 2 }, redact)).toEqual({ data: { '[redacted]': 2 }, problems: [] });
    expect(unmasked({ a: 1 }, { '[redacted]': 1 }, redact).problems).toMatchObject([
      { path: '["[redacted]"]' },
    ]);
  });

  it('never gets lost in what was not edited', () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('s3cret', 'https://a:b@c', '[redacted]', 'x s3cret y'),
    );
    const name = fc.constantFrom('a', 'authorization', '__proto__', 'password', 'toString');
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.integer(),
        fc.array(tie('tree')),
        fc.dictionary(name, tie('tree')),
      ),
    }));
    fc.assert(
      fc.property(tree, (data) => {
        expect(unmasked(data, shown(data), redact)).toEqual({ data, problems: [] });
      }),
    );
  });
});
