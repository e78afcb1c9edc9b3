/** How many bytes of bodies the process may hold at a time, whoever posts them. */
export interface Room {
  /** False: there is none for so many now. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export function createRoom(bytesMax: number): Room {
  let taken = 0;
  return {
    take(bytes) {
      if (taken + bytes > bytesMax) return false;
      taken += bytes;
      return true;
    },
    give(bytes) {
      taken -= bytes;
    },
  };
}
