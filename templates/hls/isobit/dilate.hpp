// A constant between the pixels, as a transposed convolution needs it: pixel (y, x) goes to (y * STEP_H, x * STEP_W).
//
//   struct dilate1 {
//     static const int H = 8, W = 8, CHANNELS = 64, LANES = 8, STEP_H = 2, STEP_W = 2, VALUE = 0;
//     typedef ap_uint<4> in_t, out_t;
//   };
//
// out_t holds in_t and VALUE. There is nothing before the first pixel and after the last one (pad.hpp).
// Schedule: II = 1, ((H - 1) * STEP_H + 1) * ((W - 1) * STEP_W + 1) * FOLDS cycles a frame (FOLDS = CHANNELS / LANES),
// a word out in every cycle, the first in cycle 0; H * W * FOLDS words in, in the cycles in which they leave.
#ifndef ISOBIT_DILATE_HPP
#define ISOBIT_DILATE_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void dilate(hls::stream<lanes<typename Cfg::in_t, Cfg::LANES> >& in,
            hls::stream<lanes<typename Cfg::out_t, Cfg::LANES> >& out) {
  static_assert(Cfg::CHANNELS % Cfg::LANES == 0, "LANES divides CHANNELS");
  static_assert(fits<typename Cfg::out_t>(Cfg::VALUE), "out_t holds VALUE");
  static_assert(Cfg::STEP_H >= 1 && Cfg::STEP_W >= 1, "steps count from one");
  static const int FOLDS = Cfg::CHANNELS / Cfg::LANES;
  static const int OUT_H = (Cfg::H - 1) * Cfg::STEP_H + 1;
  static const int OUT_W = (Cfg::W - 1) * Cfg::STEP_W + 1;

  int fold = 0, x = 0;
  int between_x = 0, between_y = 0;  // columns and rows since the last pixel's
  for (int i = 0; i < OUT_H * OUT_W * FOLDS; ++i) {
#pragma HLS PIPELINE II=1
    const bool pixel = between_y == 0 && between_x == 0;
    lanes<typename Cfg::in_t, Cfg::LANES> word;
    if (pixel) word = in.read();
    lanes<typename Cfg::out_t, Cfg::LANES> dilated;
#pragma HLS ARRAY_PARTITION variable=dilated.data complete
    for (int l = 0; l < Cfg::LANES; ++l) {
#pragma HLS UNROLL
      ISOBIT_CHANNEL(fold * Cfg::LANES + l);
      dilated[l] = pixel ? typename Cfg::out_t(word[l]) : typename Cfg::out_t(Cfg::VALUE);
    }
    out.write(dilated);
    if (++fold == FOLDS) {
      fold = 0;
      between_x = between_x == Cfg::STEP_W - 1 ? 0 : between_x + 1;
      if (++x == OUT_W) {
        x = 0;
        between_x = 0;
        between_y = between_y == Cfg::STEP_H - 1 ? 0 : between_y + 1;
      }
    }
  }
}

}  // namespace isobit

#endif
