// The soft cap of attention scores: s becomes CAP·tanh(s/CAP) with SOFTCAP (Gemma 2, arXiv 2408.00118, section 2).
#if SOFTCAP
fn capped(s: Bounded) -> Bounded { return CAP * bounded(s / CAP); }

// The derivative of `capped`, from its value.
fn cap_slope(score: Bounded) -> Bounded {
  let t = score / CAP;
  return 1.0 - t * t;
}
#else
fn capped(s: Bounded) -> Bounded { return s; }
fn cap_slope(score: Bounded) -> Bounded { return Bounded(1.0); }
#endif
