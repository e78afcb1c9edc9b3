// What tsc leaves undone. It copies no assets: the Lua scripts are read at run time from beside the compiled
// code. In declarations it leaves `./other.ts`, which no package has. And it makes nothing executable: npx sets the bit
// when it first links the command, a second build would take it away, and npx would answer "Permission denied".
import { chmodSync, cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const NO_ASSET = /\.(ts|md)$/;
const OF_SOURCE = /(['"]\.[^'"]*)\.ts(?=['"])/g;

cpSync('src', 'dist', { recursive: true, filter: (path) => !NO_ASSET.test(path) });
for (const path of readdirSync('dist', { recursive: true })) {
  if (path.endsWith('.d.ts')) nameWhatIsBuilt(join('dist', path));
}
chmodSync('dist/cli.js', 0o755);

function nameWhatIsBuilt(path) {
  const text = readFileSync(path, 'utf8');
  const built = text.replace(OF_SOURCE, '$1.js');
  if (built !== text) writeFileSync(path, built);
}
