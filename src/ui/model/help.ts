/** How to enable WebGPU, by browser and system. A page can't link to addresses such as chrome://flags; they can be copied. */

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
      'Open chrome://gpu: its "WebGPU" line should say "Hardware accelerated".',
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
      'WebGPU is on by default since version 113: update the browser.',
      'In the system settings of the browser turn on "Use graphics acceleration when available", and restart it.',
      'Update the graphics driver. If chrome://gpu says that the GPU is blocked, the last flag below unblocks it.',
    ],
    copy: ['chrome://settings/system', 'chrome://gpu', 'chrome://flags/#ignore-gpu-blocklist'],
  },
  {
    id: 'safari',
    title: 'Safari on macOS, iPhone or iPad',
    steps: [
      'WebGPU is on by default since Safari 26: update the system.',
      'In Safari 18: Settings, Advanced, "Show features for web developers"; then Feature Flags, "WebGPU".',
    ],
    copy: [],
  },
  {
    id: 'firefox',
    title: 'Firefox',
    steps: [
      'WebGPU is on by default since version 141 on Windows and 145 on Apple silicon: update the browser.',
      'On other systems, open the page below and set "dom.webgpu.enabled" to true, or use Chrome for this page.',
    ],
    copy: ['about:config'],
  },
  {
    id: 'android',
    title: 'Android',
    steps: [
      'WebGPU is on in Chrome since version 121 on Android 12 or later: update both. Models of more than about ten million parameters need a computer.',
    ],
    copy: [],
  },
];

/** All help, that for the browser of `userAgent` first. */
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
