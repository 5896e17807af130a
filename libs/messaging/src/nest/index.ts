export { BusController, HandleEvent, BUS_TRANSPORT } from './handle-event.js';
export { BusServer, type BusServerOptions, type Around } from './bus-server.js';
