import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const FOLDER = fileURLToPath(new URL('../../../node_modules/.cache/bench-sides', import.meta.url));
const PROGRAMS = ['api', 'assembled', 'bare', 'producer', 'profiler', 'writer'] as const;

type SideProgram = (typeof PROGRAMS)[number];

/** The bundles, by what they were made of. */
export interface SidePrograms {
  readonly pathOf: (program: SideProgram) => string;
}

/** Files are read from beside the code that names them, which is not where its bundle is. */
const filesBesideTheirCode: Plugin = {
  name: 'files-beside-their-code',
  setup(build) {
    build.onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, async ({ path }) => {
      const url = JSON.stringify(pathToFileURL(path).href);
      return { contents: (await readFile(path, 'utf8')).replaceAll('import.meta.url', url), loader: 'ts' };
    });
  },
};

/**
 * Each side as one bundle, made as the worker's is: through tsx it would hold a compiler in its memory, and start
 * long after it. Below node_modules, so that it finds what is in no bundle where the worker finds it.
 */
export async function buildSides(): Promise<SidePrograms> {
  await build({
    entryPoints: PROGRAMS.map((name) => join(HERE, `${name}.ts`)),
    outdir: FOLDER,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['msgpackr-extract'],
    sourcemap: true,
    sourcesContent: false,
    banner: {
      js: `import { createRequire as requireOfBundle } from 'node:module'; const require = requireOfBundle(import.meta.url);`,
    },
    plugins: [filesBesideTheirCode],
    logLevel: 'warning',
  });
  return { pathOf: (program) => join(FOLDER, `${program}.mjs`) };
}
