// What runs as a process is one piece each, with its packages: Node resolves and reads hundreds of files
// before the first line of a command otherwise, which is most of what a short command costs. What is imported
// as a library stays as tsc left it, so that an application has BullMQ and ioredis once.
import { readFile } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { build } from 'esbuild';

const PROCESSES = ['cli', 'worker', 'relay', 'intake', 'dashboard'];
/** Bull Board looks for its pages beside its own code and is an application of the hono that it finds there. */
const LEFT_OUT = [
  '@bull-board/*',
  'hono',
  'hono/*',
  '@hono/node-server',
  '@hono/node-server/*',
  'msgpackr-extract',
];
const REQUIRE = 'requireOfBundle';

/** Files are read from beside the code that names them: in dist they lie where they lie in src, all pieces above. */
const filesBesideTheirCode = {
  name: 'files-beside-their-code',
  setup({ onLoad, initialOptions }) {
    onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, async ({ path }) => {
      const place = relative(`${initialOptions.absWorkingDir}/src`, path);
      if (place.startsWith('..')) return undefined;
      const url = `new URL(${JSON.stringify(`./${place.split(sep).join('/')}`)}, import.meta.url).href`;
      return { contents: (await readFile(path, 'utf8')).replaceAll('import.meta.url', url), loader: 'ts' };
    });
  },
};

/** BullMQ's ES modules, of which the bundler leaves out what nobody asks for: half of it. */
const leanBullMq = {
  name: 'lean-bullmq',
  setup({ onResolve, initialOptions }) {
    const path = `${initialOptions.absWorkingDir}/node_modules/bullmq/dist/esm/index.js`;
    onResolve({ filter: /^bullmq$/ }, () => ({ path, sideEffects: false }));
  },
};

await build({
  absWorkingDir: process.cwd(),
  entryPoints: PROCESSES.map((name) => `src/${name}.ts`),
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: LEFT_OUT,
  // BullMQ packs its arguments and unpacks nothing: what unpacks faster is a native library that each start would load.
  define: { 'process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED': '"true"' },
  sourcemap: true,
  sourcesContent: false,
  // Packages that are CommonJS ask for Node's own modules.
  banner: {
    js: `import { createRequire as ${REQUIRE} } from 'node:module'; const require = ${REQUIRE}(import.meta.url);`,
  },
  plugins: [filesBesideTheirCode, leanBullMq],
  logLevel: 'warning',
});
