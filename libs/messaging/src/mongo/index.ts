export { MongoDeliveryRecords } from './mongo-delivery-records.js';
