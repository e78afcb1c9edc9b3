// What tsc leaves undone. It copies no assets: the Lua scripts are read at run time from beside the compiled
// code. And it makes nothing executable: npx sets the bit when it first links the command, a second build
// would take it away, and npx would answer "Permission denied".
import { chmodSync, cpSync } from 'node:fs';

cpSync('src', 'dist', { recursive: true, filter: (path) => !path.endsWith('.ts') });
chmodSync('dist/cli.js', 0o755);
