/** @type {import('jest').Config} */
const config = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // These have commands of their own (see `suite`); the quick rows of the fault matrix run here too.
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/faults/(?!.*\\.quick\\.)',
    '<rootDir>/test/fleet/',
  ],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  resolver: '<rootDir>/test/support/packages.mjs',
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // Half of them wait for something at any time.
  maxWorkers: 3,
  // Of a hung test only: what a test waits for has deadlines of its own.
  testTimeout: 60_000,
};
export default config;

/** The tests of these folders, which start many processes: one file at a time, with time to spare. */
export function suite(...folders) {
  return {
    ...config,
    roots: folders.map((folder) => `<rootDir>/test/${folder}`),
    testPathIgnorePatterns: ['/node_modules/'],
    maxWorkers: 1,
    testTimeout: 120_000,
  };
}
