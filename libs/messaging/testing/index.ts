export { bodyOf, busContract, message, type BusTraits, type BusUnderTest } from './bus-contract.js';
