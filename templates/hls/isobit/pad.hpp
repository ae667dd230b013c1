// A border of a constant around the frame.
//
//   struct pad1 {
//     static const int H = 16, W = 16, CHANNELS = 64, LANES = 8, TOP = 1, BOTTOM = 1, LEFT = 1, RIGHT = 1, VALUE = 0;
//     typedef ap_uint<4> in_t, out_t;
//   };
//
// out_t holds in_t and VALUE. 1-D data has H = 1.
// Schedule: II = 1, (TOP + H + BOTTOM) * (LEFT + W + RIGHT) * FOLDS cycles a frame (FOLDS = CHANNELS / LANES), a word
// out in every cycle, the first in cycle 0; H * W * FOLDS words in, in the cycles of the pixels inside.
#ifndef ISOBIT_PAD_HPP
#define ISOBIT_PAD_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void pad(hls::stream<lanes<typename Cfg::in_t, Cfg::LANES> >& in,
         hls::stream<lanes<typename Cfg::out_t, Cfg::LANES> >& out) {
  static_assert(Cfg::CHANNELS % Cfg::LANES == 0, "LANES divides CHANNELS");
  static_assert(fits<typename Cfg::out_t>(Cfg::VALUE), "out_t holds VALUE");
  static_assert(Cfg::TOP >= 0 && Cfg::BOTTOM >= 0 && Cfg::LEFT >= 0 && Cfg::RIGHT >= 0, "a border adds pixels");
  static const int FOLDS = Cfg::CHANNELS / Cfg::LANES;
  static const int OUT_H = Cfg::TOP + Cfg::H + Cfg::BOTTOM;
  static const int OUT_W = Cfg::LEFT + Cfg::W + Cfg::RIGHT;

  int y = 0, x = 0, fold = 0;
  for (int i = 0; i < OUT_H * OUT_W * FOLDS; ++i) {
#pragma HLS PIPELINE II=1
    const bool inside = y >= Cfg::TOP && y < Cfg::TOP + Cfg::H && x >= Cfg::LEFT && x < Cfg::LEFT + Cfg::W;
    lanes<typename Cfg::in_t, Cfg::LANES> word;
    if (inside) word = in.read();
    lanes<typename Cfg::out_t, Cfg::LANES> padded;
#pragma HLS ARRAY_PARTITION variable=padded.data complete
    for (int l = 0; l < Cfg::LANES; ++l) {
#pragma HLS UNROLL
      ISOBIT_CHANNEL(fold * Cfg::LANES + l);
      padded[l] = inside ? typename Cfg::out_t(word[l]) : typename Cfg::out_t(Cfg::VALUE);
    }
    out.write(padded);
    if (++fold == FOLDS) {
      fold = 0;
      if (++x == OUT_W) {
        x = 0;
        ++y;
      }
    }
  }
}

}  // namespace isobit

#endif
