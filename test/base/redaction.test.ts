import { describe, expect, it } from '@jest/globals';
import {
  array,
  assert,
  constantFrom,
  dictionary,
  jsonValue,
  letrec,
  oneof,
  pre,
  property,
  string,
  stringMatching,
} from 'fast-check';
import { createRedactor, redactData, redactJson } from '../../src/base/redaction.ts';

const SECRET = 'k3y/with+"quotes"&söme=';
const redact = createRedactor([SECRET, 'hunter22']);

describe('a known secret is taken out', () => {
  it.each([
    ['raw', SECRET],
    ['URL-encoded', encodeURIComponent(SECRET)],
    ['URL-encoded in lower case', encodeURIComponent(SECRET).replace(/%../g, (code) => code.toLowerCase())],
    ['within JSON', JSON.stringify({ key: SECRET })],
    ['within JSON of PHP', String.raw`{"key":"k3y\/with+\"quotes\"&söme="}`],
    ['within JSON of .NET', String.raw`{"key":"k3y/with\u002B\u0022quotes\u0022\u0026söme="}`],
    ['within JSON of Gson', String.raw`{"key":"k3y/with+\"quotes\"\u0026söme\u003d"}`],
    ['within HTML', '<b>k3y/with+&quot;quotes&quot;&amp;söme=</b>'],
    ['within JSON that is quoted within JSON', JSON.stringify({ body: JSON.stringify({ key: SECRET }) })],
    ['as Base64', Buffer.from(SECRET).toString('base64')],
    ['as URL-safe Base64', Buffer.from(SECRET).toString('base64url')],
    ['in Base64 after one byte', Buffer.from(`:${SECRET}`).toString('base64')],
    ['in Base64 after two bytes', Buffer.from(`u:${SECRET}`).toString('base64')],
    ['in Base64 between others', Buffer.from(`user:${SECRET}:more`).toString('base64')],
  ])('%s', (_how, text) => {
    const redacted = redact(`before ${text} after`);
    expect(redacted).toMatch(/^before .*\[redacted\].* after$/);
    expect(redacted).not.toMatch(/k3y|quotes/);
    expect(Buffer.from(redacted, 'base64').toString('latin1')).not.toContain('quotes');
  });

  it('whatever it is, and whatever surrounds it', () => {
    const secret = string({ minLength: 4, maxLength: 40, unit: 'binary' });
    const surroundings = stringMatching(/^[A-Z ]*$/);
    assert(
      property(secret, surroundings, surroundings, (secret, before, after) => {
        pre(!/^[A-Z ]*$/.test(secret[0] ?? ''));
        expect(createRedactor([secret])(before + secret + after)).toBe(`${before}[redacted]${after}`);
      }),
    );
  });

  it('every time, and all of the longer one where one begins with another', () => {
    expect(createRedactor(['abcd', 'abcdefgh'])('abcdefgh abcd abcdefgh')).toBe(
      '[redacted] [redacted] [redacted]',
    );
  });

  it('with characters that mean something in a pattern', () => {
    expect(createRedactor(['a.c$(x)[y]*'])('a.c$(x)[y]* abc')).toBe('[redacted] abc');
  });

  it('unless it is so short that it would tear words apart', () => {
    expect(createRedactor(['a', 'abc', ''])('abc is a word')).toBe('abc is a word');
  });
});

describe('a secret that is learned later', () => {
  it('is taken out from then on, in every form, and those known before still are', () => {
    const learning = createRedactor(['the-old-key']);
    const text = `the-old-key ${SECRET} ${encodeURIComponent(SECRET)} ${JSON.stringify(SECRET)}`;
    expect(learning(text)).toBe(text.replace('the-old-key', '[redacted]'));
    learning.learn(SECRET);
    learning.learn(SECRET);
    expect(learning(text)).toBe('[redacted] [redacted] [redacted] "[redacted]"');
  });

  it('and begins with one known before is taken out whole', () => {
    const learning = createRedactor(['abcd']);
    learning.learn('abcdefgh');
    expect(learning('abcdefgh abcd')).toBe('[redacted] [redacted]');
  });

  it('is the hundredth of a long life, and costs as little as the first', () => {
    const learning = createRedactor([]);
    for (let n = 0; n < 100; n += 1) learning.learn(`${n}-${SECRET}-${n}`);
    const text = 'upstream timed out '.repeat(50_000);
    const startedAt = performance.now();
    expect(learning(`${text}0-${SECRET}-0`)).toBe(`${text}[redacted]`);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

describe('a secret that nobody named is found by its shape', () => {
  it.each([
    ['postgres://sync:pass@db/x failed', 'postgres://[redacted]@db/x failed'],
    ['redis://:p@ss@127.0.0.1:6379', 'redis://[redacted]@127.0.0.1:6379'],
    ['https://token@host/a@b', 'https://[redacted]@host/a@b'],
    ['X-API-Key: abc123', 'X-API-Key: [redacted]'],
    ["headers: { 'x-api-key': 'abc123' }", "headers: { 'x-api-key': '[redacted]' }"],
    ['{"x-api-key":"abc123","a":1}', '{"x-api-key":"[redacted]","a":1}'],
    ['"{\\"X-Api-Key\\":\\"abc123\\"}"', '"{\\"X-Api-Key\\":\\"[redacted]\\"}"'],
    ['Authorization: Basic dTpw, next', 'Authorization: [redacted], next'],
    ['authorization=Bearer ey.J.x', 'authorization=[redacted]'],
    ['Proxy-Authorization: Basic dTpw', 'Proxy-Authorization: [redacted]'],
  ])('%s', (text, redacted) => {
    expect(createRedactor([])(text)).toBe(redacted);
  });

  it.each([
    'GET https://conexxus.shop.test/api/v1/health?mail=a@b.test',
    'connect ECONNREFUSED 127.0.0.1:6379',
    'the authorization of sale 12 took 3 ms',
  ])('and harmless text stays: %s', (text) => {
    expect(createRedactor([])(text)).toBe(text);
  });
});

describe('redaction', () => {
  it('of what is redacted already changes nothing', () => {
    const text = `${SECRET} postgres://u:p@h X-API-Key: abc Authorization: Basic dTpw`;
    expect(redact(redact(text))).toBe(redact(text));
  });

  it.each([
    'a',
    '://',
    '://a',
    'x-api-key: ',
    'authorization ',
    'Authorization:"',
    '\\',
    'k3y',
    'dTpw',
    'a.',
  ])('of a megabyte of %j takes no longer per character than of a little of it', (piece) => {
    const text = piece.repeat(1_000_000 / piece.length);
    const startedAt = performance.now();
    redact(text);
    // Quadratic time would be minutes.
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('of JSON keeps it valid, number for number, and hides what its field name says is secret', () => {
    const line = JSON.stringify({ msg: `"${SECRET}"`, headers: { 'X-API-Key': 'other', n: 1.5 }, ok: null });
    expect(JSON.parse(redactJson(line, redact))).toEqual({
      msg: '"[redacted]"',
      headers: { 'X-API-Key': '[redacted]', n: 1.5 },
      ok: null,
    });
  });

  it('of JSON reaches the names of fields too', () => {
    const json = JSON.stringify({ list: [{ [`for ${SECRET}`]: 1 }] });
    expect(redactJson(json, redact)).toBe('{"list":[{"for [redacted]":1}]}');
  });

  it('of JSON that is cut off treats it as text', () => {
    expect(redactJson(`{"msg":"hunter22`, redact)).toBe('{"msg":"[redacted]');
  });

  it('of JSON that nests deeper than any Node can show keeps the rest, and the secrets out', () => {
    const levels = 50_000;
    const json = `{"note":${'['.repeat(levels)}"hunter22"${']'.repeat(levels)},"password":"abc","id":"T-1"}`;
    const redacted = redactJson(json, redact);
    expect(redacted).toMatch(
      /"\(cannot be shown: nests deeper than \d+ levels\)"\]+,"password":"\[redacted\]","id":"T-1"\}$/,
    );
    expect(redacted).not.toContain('hunter22');
    expect(redactData(JSON.parse(json), redact)).toEqual(JSON.parse(redacted));
    expect(redactJson(redacted, redact)).toBe(redacted);
  });

  it('of a member called __proto__ keeps it one', () => {
    const json = '{"__proto__":{"a":1},"list":[{"__proto__":"hunter22"}]}';
    expect(redactJson(json, redact)).toBe('{"__proto__":{"a":1},"list":[{"__proto__":"[redacted]"}]}');
  });
});

describe('a JSON text', () => {
  it('is redacted as its data is, whether it holds anything to redact or not', () => {
    const text = oneof(string(), constantFrom(SECRET, 'x hunter22', 'https://a:b@c', 'x-api-key: k', '\n'));
    const name = oneof(string(), constantFrom('cookie', 'Authorization', 'hunter22', '__proto__'));
    const { value } = letrec((tie) => ({
      value: oneof(
        { maxDepth: 4 },
        text,
        jsonValue({ maxDepth: 1 }),
        array(tie('value'), { maxLength: 4 }),
        dictionary(name, tie('value'), { maxKeys: 4 }),
      ),
    }));
    assert(
      property(value, (data) => {
        const json = JSON.stringify(data);
        expect(redactJson(json, redact)).toBe(JSON.stringify(redactData(JSON.parse(json), redact)));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['lists', (depth: number) => '['.repeat(depth) + ']'.repeat(depth)],
    ['objects', (depth: number) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)],
  ])('of %s is never nested deeper than can be read', (_what, nested) => {
    expect(redactJson(nested(240), redact)).toBe(nested(240));
    expect(redactJson(nested(260), redact)).toContain('nests deeper');
  });
});
