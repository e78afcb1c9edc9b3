// Jest loads a package file by file, for each test file anew: 400 files for the producer alone. So what tests and
// sources import of the large ones is one piece each here, and what they share among them is in pieces of its own.
// Plain JavaScript: jest itself imports it, as the way it finds modules by (`resolver`), before it knows TypeScript.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** No test looks into their files, nor changes them. */
const PACKAGES = [
  '@hono/node-server',
  '@hono/node-server/conninfo',
  '@hono/node-server/serve-static',
  'bullmq',
  'commander',
  'convict',
  'drizzle-orm',
  'drizzle-orm/migrator',
  'drizzle-orm/pg-core',
  'drizzle-orm/pglite',
  'drizzle-orm/postgres-js',
  'fast-check',
  'got',
  'hono',
  'hono/body-limit',
  'hono/html',
  'hono/http-exception',
  'hono/utils/basic-auth',
  'ioredis',
  'pino',
  'postgres',
  'prom-client',
  'standardwebhooks',
  'stream-json/core/parser.js',
  'temporal-polyfill',
  'yaml',
  'zod',
];

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Another one for other packages, and where this file makes them otherwise. */
const FOLDER = join(ROOT, 'node_modules', '.cache', 'conexxus-sync', `packages-${fingerprint()}`);
const pieces = new Map(PACKAGES.map((name) => [name, join(FOLDER, pieceOf(name))]));

if (!existsSync(FOLDER)) await makePieces();

/** Only sources and tests get pieces; packages find one another as ever. */
export default function resolve(request, options) {
  const piece = options.basedir.includes(`${sep}node_modules`) ? undefined : pieces.get(request);
  return piece ?? options.defaultResolver(request, options);
}

function fingerprint() {
  const hash = createHash('sha256');
  for (const path of [join(ROOT, 'package-lock.json'), fileURLToPath(import.meta.url)])
    hash.update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}

function pieceOf(name) {
  return `${name.replaceAll(/[^a-z0-9-]/g, '_')}.mjs`;
}

async function makePieces() {
  const { build, stop } = await import('esbuild');
  await mkdir(dirname(FOLDER), { recursive: true });
  const folder = await mkdtemp(`${FOLDER}-`);
  await build({
    absWorkingDir: ROOT,
    entryPoints: await Promise.all(PACKAGES.map((name) => writeEntry(folder, name))),
    outdir: folder,
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['@electric-sql/pglite', 'msgpackr-extract'],
    // As in `scripts/bundle.mjs`.
    define: { 'process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED': '"true"' },
    minifyWhitespace: true,
    outExtension: { '.js': '.mjs' },
    // Packages that are CommonJS ask for Node's own modules.
    banner: {
      js: `import { createRequire as requireOfPiece } from 'node:module'; const require = requireOfPiece(import.meta.url);`,
    },
    logLevel: 'warning',
  });
  await stop();
  // Another run may have been faster.
  await rename(folder, FOLDER).catch(() => rm(folder, { recursive: true }));
}

/** With the names that Node finds in the package: of CommonJS, no bundler knows them. */
async function writeEntry(folder, name) {
  const names = Object.keys(await import(name)).filter((each) => each !== 'module.exports');
  const path = join(folder, pieceOf(name));
  await writeFile(path, `export { ${names.join(', ')} } from '${name}';\n`);
  return path;
}
