/** The worker; SIGUSR2 blocks its event loop for BLOCK_MS, as a runaway computation would. */
process.on('SIGUSR2', () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(process.env['BLOCK_MS']));
});
await import('../../src/worker.ts');
