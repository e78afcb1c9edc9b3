// tsc copies no assets: the Lua scripts are read at run time from beside the compiled code.
import { cpSync } from 'node:fs';

cpSync('src', 'dist', { recursive: true, filter: (path) => !path.endsWith('.ts') });
