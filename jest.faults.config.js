import { suite } from './jest.config.js';

// Some rows of the matrix need the whole fleet.
export default suite('faults', 'fleet');
