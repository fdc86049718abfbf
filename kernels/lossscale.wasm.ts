/** Halves the loss scale after a gradient that is not finite, and doubles it after many that are. One unit. */

@unmanaged
class LossScale {
  scale: usize;
  good: usize;
  norm: usize;
  used: usize;
  interval: f32;
  largest: f32;
}

export function lossscale(args: LossScale, _from: i32, _to: i32, _thread: i32): void {
  const scale = load<f32>(args.scale);
  store<f32>(args.used, scale);
  if (!isFinite<f32>(load<f32>(args.norm))) {
    store<f32>(args.scale, max(scale / 2, <f32>1));
    store<f32>(args.good, 0);
    return;
  }
  const counted = load<f32>(args.good) + 1;
  const grows = counted >= args.interval;
  if (grows) store<f32>(args.scale, min(scale * 2, args.largest));
  store<f32>(args.good, grows ? 0 : counted);
}
