import type { InlineConfig, PluginOption } from 'vite';

/** A file of the build: its address below the page, and its bytes. */
export interface BuiltFile {
  readonly url: string;
  readonly size: number;
}

export interface Options {
  readonly strategies: 'injectManifest';
  readonly srcDir: string;
  readonly filename: string;
  readonly integration: { readonly configureCustomSWViteBuild: (config: InlineConfig) => void };
  readonly injectRegister: null;
  readonly manifest: false;
  readonly injectManifest: {
    readonly rollupFormat: 'iife';
    readonly globPatterns: readonly string[];
    readonly globIgnores: readonly string[];
    readonly maximumFileSizeToCacheInBytes: number;
    /** They replace the list of files that is put into the service worker. */
    readonly manifestTransforms: readonly ((files: readonly BuiltFile[]) => { readonly manifest: readonly BuiltFile[] })[];
  };
}

export function VitePWA(options: Options): PluginOption;
