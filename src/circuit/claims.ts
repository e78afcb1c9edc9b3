// What a claim is says lua/acquire.lua; here is what others have to say of one, or to read in it.

/** The claim of a payload that is new to Redis, and of which a try may have been made whose end nobody knows. */
export const CLAIM_IN_DOUBT = 'recorded|nobody|0';

/** For scripts elsewhere: `isInDoubt(claim)`, whether a try of the payload is under way or has no known end. */
export const IS_IN_DOUBT = `
local function isInDoubt(claim)
  return claim ~= false and not string.find(claim, '^recorded|[^|]*$')
end
`;
