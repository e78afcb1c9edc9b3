import { ConfigError, loadConfig, type Part } from '../../src/base/config/config.ts';

/** All that a worker must be told. */
export const VALID = {
  CONEXXUS_API_URL: 'https://conexxus.shop.test',
  CONEXXUS_API_KEY: 'key-0123456789',
  DATABASE_URL: 'postgres://sync:dbpassword@db.shop.test/sync',
};

export function problemsOf(part: Part, env: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig(part, env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
