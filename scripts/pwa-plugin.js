/** Without its own types, which add the library of ES2024 to that of the whole project; pwa-plugin.d.ts has those that are used. */
export { VitePWA } from 'vite-plugin-pwa';
