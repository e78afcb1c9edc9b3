import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CallFrame } from './profile.ts';

/**
 * Tells of a call where its code comes from: a package, `src/…`, `scripts/…`, `node:…`, or in brackets what V8 calls
 * it. Looks into the source maps beside bundles. Undefined: nothing was done.
 */
export function createPlaces(): (frame: CallFrame) => string | undefined {
  const maps = new Map<string, SourceMap | undefined>();
  const mapOf = (path: string) => {
    if (!maps.has(path)) maps.set(path, readMap(`${path}.map`));
    return maps.get(path);
  };
  return ({ functionName, url, lineNumber, columnNumber }) => {
    if (functionName === '(idle)') return undefined;
    // Functions of Node's and V8's that are not JavaScript have no place.
    if (url === '') return functionName.startsWith('(') ? functionName : '(native)';
    if (!url.startsWith('file:')) return placeOf(url);
    const path = fileURLToPath(url);
    const map = mapOf(path);
    if (map === undefined) return placeOf(path);
    const entry = map.findEntry(lineNumber, columnNumber);
    // What a bundle has beside what it was made of are the helpers of its maker.
    return 'originalSource' in entry ? placeOf(resolve(dirname(path), entry.originalSource)) : 'esbuild';
  };
}

function readMap(path: string): SourceMap | undefined {
  return existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8'))) : undefined;
}

/** A file by what it is part of: the innermost package, or its path in this project. */
export function placeOf(file: string): string {
  const [, inPackages] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file) ?? [];
  // Drizzle's own source maps have its files beside its folder.
  if (inPackages !== undefined) return inPackages === 'src' ? 'drizzle-orm' : inPackages;
  const [, ours] = /.*(?:^|\/)((?:src|scripts)\/.+)$/.exec(file) ?? [];
  if (ours !== undefined) return ours;
  return file.startsWith('node:') ? file : (file.split('/').at(-1) ?? file);
}
