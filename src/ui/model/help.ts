/** How to get WebGPU to work, by browser and system. Addresses like chrome://flags can't be linked to, only copied. */

export interface Help {
  readonly id: string;
  readonly title: string;
  readonly steps: readonly string[];
  /** Commands and addresses to copy. */
  readonly copy: readonly string[];
}

export const HELP: readonly Help[] = [
  {
    id: 'chrome-linux',
    title: 'Chrome, Edge or Chromium on Linux',
    steps: [
      'Install the graphics driver of your GPU with Vulkan (for NVIDIA the proprietary one; for AMD and Intel: mesa-vulkan-drivers).',
      'Close the browser and start it from a terminal with the line below, or turn on the two flags below and restart it.',
      'Look at the "WebGPU" line of chrome://gpu: it should say "Hardware accelerated".',
    ],
    copy: [
      'google-chrome --enable-unsafe-webgpu --enable-features=Vulkan',
      'chrome://flags/#enable-unsafe-webgpu',
      'chrome://flags/#enable-vulkan',
      'chrome://gpu',
    ],
  },
  {
    id: 'chrome-desktop',
    title: 'Chrome or Edge on Windows or macOS',
    steps: [
      'WebGPU is on since version 113: update the browser.',
      'In the system settings of the browser turn on "Use graphics acceleration when available", and restart it.',
      'Update the graphics driver. If chrome://gpu says that the GPU is blocked, the last flag below lifts the block.',
    ],
    copy: ['chrome://settings/system', 'chrome://gpu', 'chrome://flags/#ignore-gpu-blocklist'],
  },
  {
    id: 'safari',
    title: 'Safari on macOS, iPhone or iPad',
    steps: [
      'WebGPU is on since Safari 26: update the system.',
      'In Safari 18: Settings, Advanced, "Show features for web developers"; then Feature Flags, "WebGPU".',
    ],
    copy: [],
  },
  {
    id: 'firefox',
    title: 'Firefox',
    steps: [
      'WebGPU is on in Windows since version 141 and on Apple silicon since 145: update the browser.',
      'Elsewhere open the page below and set "dom.webgpu.enabled" to true, or use Chrome for this page.',
    ],
    copy: ['about:config'],
  },
  {
    id: 'android',
    title: 'Android',
    steps: [
      'WebGPU is on in Chrome since version 121 on Android 12 or later: update both. Models of more than some ten million parameters need a computer.',
    ],
    copy: [],
  },
];

/** The help that fits the browser best comes first. */
export function orderedHelp(userAgent: string): readonly Help[] {
  const first = likely(userAgent);
  return [...HELP].sort((a, b) => Number(b.id === first) - Number(a.id === first));
}

function likely(userAgent: string): string {
  if (userAgent.includes('Firefox')) return 'firefox';
  if (userAgent.includes('Android')) return 'android';
  if (!userAgent.includes('Chrome')) return 'safari';
  return /Linux|CrOS/.test(userAgent) ? 'chrome-linux' : 'chrome-desktop';
}
