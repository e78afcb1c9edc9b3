/** What a failed test left open must not keep a finished run from ending. */
const END_MS = 10_000;

export default async function tearDown(): Promise<void> {
  await Promise.all((globalThis.testServices ?? []).map((service) => service.stop()));
  // Jest turns the code into 1 where a test failed. Unref'd: a run that left nothing open ends before.
  setTimeout(() => process.exit(), END_MS).unref();
}
