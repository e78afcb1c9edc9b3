/** BullMQ's own script that ends a job and fetches the next one, as its releases have it. */
declare module 'bullmq/dist/cjs/scripts/moveToFinished-14.js' {
  export const moveToFinished: { readonly name: string; readonly content: string; readonly keys: 14 };
}
