// Nearest upsampling: every pixel FACTOR_H times FACTOR_W times.
//
//   struct up1 {
//     static const int H = 8, W = 8, CHANNELS = 64, LANES = 8, FACTOR_H = 2, FACTOR_W = 2;
//     typedef ap_uint<4> elem_t;
//   };
//
// One row is kept to be repeated; one pixel where rows are not.
// Schedule: II = 1, H * FACTOR_H * W * FACTOR_W * FOLDS cycles a frame (FOLDS = CHANNELS / LANES), a word out in every
// cycle, the first in cycle 0; H * W * FOLDS words in, in the cycles in which a pixel leaves for the first time.
#ifndef ISOBIT_UPSAMPLE_HPP
#define ISOBIT_UPSAMPLE_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void upsample(hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& in,
              hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& out) {
  static_assert(Cfg::CHANNELS % Cfg::LANES == 0, "LANES divides CHANNELS");
  static_assert(Cfg::FACTOR_H >= 1 && Cfg::FACTOR_W >= 1, "factors count from one");
  static const int FOLDS = Cfg::CHANNELS / Cfg::LANES;
  static const int KEPT = Cfg::FACTOR_H == 1 ? 1 : Cfg::W;  // pixels

  // What is read from it is never written to it: II = 1, whatever the tool assumes about the addresses.
  lanes<typename Cfg::elem_t, Cfg::LANES> kept[KEPT * FOLDS];
#pragma HLS AGGREGATE variable=kept

  int fold = 0, copy_x = 0, x = 0, copy_y = 0;
  int address = 0;  // of the pixel's first word
  for (int i = 0; i < Cfg::H * Cfg::FACTOR_H * Cfg::W * Cfg::FACTOR_W * FOLDS; ++i) {
#pragma HLS PIPELINE II=1
    lanes<typename Cfg::elem_t, Cfg::LANES> word;
    if (copy_y == 0 && copy_x == 0) {
      word = in.read();
      kept[address + fold] = word;
    } else {
      word = kept[address + fold];
    }
    out.write(word);

    if (++fold == FOLDS) {
      fold = 0;
      if (++copy_x == Cfg::FACTOR_W) {
        copy_x = 0;
        address = address == (KEPT - 1) * FOLDS ? 0 : address + FOLDS;
        if (++x == Cfg::W) {
          x = 0;
          copy_y = copy_y == Cfg::FACTOR_H - 1 ? 0 : copy_y + 1;
        }
      }
    }
  }
}

}  // namespace isobit

#endif
