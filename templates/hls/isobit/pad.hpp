// A border of a constant around the frame.
//
//   struct pad1 {
//     static const int H = 16, W = 16, CHANNELS = 64, LANES = 8, TOP = 1, BOTTOM = 1, LEFT = 1, RIGHT = 1, VALUE = 0;
//     typedef ap_uint<4> in_t, out_t;
//   };
//
// out_t holds in_t and VALUE. 1-D data has H = 1. A word is a share of a pixel, or SAMPLES = LANES / CHANNELS whole
// ones, which divide W and LEFT + W + RIGHT.
// Schedule: II = 1, (TOP + H + BOTTOM) * (LEFT + W + RIGHT) * CHANNELS / LANES cycles a frame, a word out in every
// cycle, the first in cycle 0; a word in in the cycle in which its first pixel leaves.
#ifndef ISOBIT_PAD_HPP
#define ISOBIT_PAD_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void pad(hls::stream<lanes<typename Cfg::in_t, Cfg::LANES> >& in,
         hls::stream<lanes<typename Cfg::out_t, Cfg::LANES> >& out) {
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::LANES), "a word is a share of a pixel, or whole ones");
  static_assert(fits<typename Cfg::out_t>(Cfg::VALUE), "out_t holds VALUE");
  static_assert(Cfg::TOP >= 0 && Cfg::BOTTOM >= 0 && Cfg::LEFT >= 0 && Cfg::RIGHT >= 0, "a border adds pixels");
  static const int SAMPLES = max_of(Cfg::LANES / Cfg::CHANNELS, 1);
  static const int FOLDS = max_of(Cfg::CHANNELS / Cfg::LANES, 1);
  static const int PIXEL = min_of(Cfg::LANES, Cfg::CHANNELS);  // lanes
  static const int OUT_H = Cfg::TOP + Cfg::H + Cfg::BOTTOM;
  static const int OUT_W = Cfg::LEFT + Cfg::W + Cfg::RIGHT;
  static_assert(Cfg::W % SAMPLES == 0 && OUT_W % SAMPLES == 0, "rows are whole words");
  static const int SHIFT = Cfg::LEFT % SAMPLES * PIXEL;  // lanes from a word in to the word out that it begins in
  static const int FIRST = Cfg::LEFT / SAMPLES, WIDTH = Cfg::W / SAMPLES;  // words

  lanes<typename Cfg::in_t, Cfg::LANES> before;  // the row's last word
#pragma HLS ARRAY_PARTITION variable=before.data complete
  typename counter<OUT_H>::type y = 0;
  typename counter<OUT_W>::type x = 0;  // word of the row
  typename counter<FOLDS>::type fold = 0;
  for (int i = 0; i < OUT_H * (OUT_W / SAMPLES) * FOLDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const bool in_rows = y >= Cfg::TOP && y < Cfg::TOP + Cfg::H;
    lanes<typename Cfg::in_t, Cfg::LANES> word;
    if (in_rows && x >= FIRST && x < FIRST + WIDTH) word = in.read();
    lanes<typename Cfg::out_t, Cfg::LANES> padded;
#pragma HLS ARRAY_PARTITION variable=padded.data complete
    for (int l = 0; l < Cfg::LANES; ++l) {
#pragma HLS UNROLL
      const int column = x * SAMPLES + l / PIXEL - Cfg::LEFT;
      const typename Cfg::in_t element = l < SHIFT ? before[Cfg::LANES - SHIFT + l] : word[max_of(l - SHIFT, 0)];
      ISOBIT_CHANNEL(fold * PIXEL + l % PIXEL);
      padded[l] =
          in_rows && column >= 0 && column < Cfg::W ? typename Cfg::out_t(element) : typename Cfg::out_t(Cfg::VALUE);
    }
    before = word;
    out.write(padded);
    const bool pixel_ends = fold == FOLDS - 1;
    if (pixel_ends && x == OUT_W / SAMPLES - 1) y = successor(y, OUT_H);
    if (pixel_ends) x = successor(x, OUT_W / SAMPLES);
    fold = successor(fold, FOLDS);
  }
}

}  // namespace isobit

#endif
