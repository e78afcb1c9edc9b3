export default async function tearDown(): Promise<void> {
  await Promise.all((globalThis.testServices ?? []).map((service) => service.stop()));
}
