/** Packages, those that they alone bring along with them. */
const IOREDIS = packages(
  'ioredis @ioredis/commands cluster-key-slot debug ms denque redis-errors redis-parser standard-as-callback',
);
const GOT = packages(
  `got @sindresorhus/is @szmarczak/http-timer byte-counter cacheable-lookup cacheable-request decompress-response
  form-data-encoder get-stream http-cache-semantics http2-wrapper keyv lowercase-keys mimic-response normalize-url
  p-cancelable quick-lru resolve-alpn responselike`,
);
const BULLMQ = packages('bullmq cron-parser luxon msgpackr node-abort-controller semver tslib');
const DATABASE = packages('drizzle-orm postgres');

type Belongs = (place: string) => boolean;

const isNode: Belongs = (place) => place.startsWith('node:');
const begins = (beginning: RegExp): Belongs => {
  return (place) => beginning.test(place);
};

/** What a worker's processor time goes to, in the order of the table; a place belongs to the first that takes it. */
const COMPONENTS: readonly (readonly [name: string, belongs: Belongs])[] = [
  ['garbage collector', (place) => place === '(garbage collector)'],
  ['ioredis', (place) => IOREDIS.has(place)],
  ['got', (place) => GOT.has(place)],
  ["Node's http and streams", begins(/^node:(internal\/)?_?(http|net|tls|dns|stream|js_stream|zlib|url)/)],
  ['Drizzle and postgres', (place) => DATABASE.has(place)],
  ['BullMQ', (place) => BULLMQ.has(place)],
  ['zod', (place) => place === 'zod'],
  ['opossum', (place) => place === 'opossum'],
  ['ours: transport, client, classify', begins(/^src\/conexxus\//)],
  ['ours: entry, writer', begins(/^src\/events\//)],
  ['ours: redaction', begins(/^src\/base\/redaction/)],
  ['ours: sync key', begins(/^src\/sync\/jobs\/sync-key/)],
  ['ours: the rest', begins(/^src\//)],
  ["the side's own lines", begins(/^scripts\//)],
  ['Node, the rest of its JavaScript', isNode],
  ['native code: the system, V8', begins(/^\(/)],
  ['other packages', () => true],
];

/** In the order of the table. */
export const COMPONENT_NAMES: readonly string[] = COMPONENTS.map(([name]) => name);

/** Which component a place (see places.ts) belongs to. */
export function componentOf(place: string): string {
  return COMPONENTS.find(([, belongs]) => belongs(place))?.[0] ?? '';
}

function packages(names: string): ReadonlySet<string> {
  return new Set(names.split(/\s+/));
}
