export { apiConfig, runtimeConfig, type ApiConfig, type RuntimeConfig } from './config.js';
