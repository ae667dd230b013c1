// Nearest upsampling: every pixel FACTOR_H times FACTOR_W times.
//
//   struct up1 {
//     static const int H = 8, W = 8, CHANNELS = 64, LANES = 8, FACTOR_H = 2, FACTOR_W = 2;
//     typedef ap_uint<4> elem_t;
//   };
//
// A word is a share of a pixel, or SAMPLES = LANES / CHANNELS whole ones, which divide W. One row is kept to be
// repeated; one word's pixels where rows are not.
// Schedule: II = 1, as many cycles as words leave, H * FACTOR_H * W * FACTOR_W * CHANNELS / LANES a frame, one in every
// cycle, the first in cycle 0; a word in in the cycles in which its first pixel leaves for the first time.
#ifndef ISOBIT_UPSAMPLE_HPP
#define ISOBIT_UPSAMPLE_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void upsample(hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& in,
              hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& out) {
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::LANES), "a word is a share of a pixel, or whole ones");
  static_assert(Cfg::FACTOR_H >= 1 && Cfg::FACTOR_W >= 1, "factors count from one");
  static const int SAMPLES = max_of(Cfg::LANES / Cfg::CHANNELS, 1);
  static const int FOLDS = max_of(Cfg::CHANNELS / Cfg::LANES, 1);
  static const int PIXEL = min_of(Cfg::LANES, Cfg::CHANNELS);  // lanes
  static_assert(Cfg::W % SAMPLES == 0, "rows are whole words");
  static const int WIDTH = Cfg::W / SAMPLES;
  static const int KEPT = Cfg::FACTOR_H == 1 ? 1 : WIDTH;  // words, or FOLDS times as many

  // What is read from it is never written to it: II = 1, whatever the tool assumes about the addresses.
  lanes<typename Cfg::elem_t, Cfg::LANES> kept[KEPT * FOLDS];
#pragma HLS AGGREGATE variable=kept

  int fold = 0, copy_x = 0, x = 0, copy_y = 0;
  int address = 0;  // of the pixel's first word
  for (int i = 0; i < Cfg::H * Cfg::FACTOR_H * WIDTH * Cfg::FACTOR_W * FOLDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    lanes<typename Cfg::elem_t, Cfg::LANES> word;
    if (copy_y == 0 && copy_x == 0) {
      word = in.read();
      kept[address + fold] = word;
    } else {
      word = kept[address + fold];
    }
    lanes<typename Cfg::elem_t, Cfg::LANES> copies;
#pragma HLS ARRAY_PARTITION variable=copies.data complete
    for (int l = 0; l < Cfg::LANES; ++l) {
#pragma HLS UNROLL
      copies[l] = word[l / PIXEL / Cfg::FACTOR_W * PIXEL + l % PIXEL];
      for (int k = 1; k < Cfg::FACTOR_W; ++k) {
#pragma HLS UNROLL
        if (copy_x == k) copies[l] = word[(k * SAMPLES + l / PIXEL) / Cfg::FACTOR_W * PIXEL + l % PIXEL];
      }
    }
    out.write(copies);

    if (++fold == FOLDS) {
      fold = 0;
      if (++copy_x == Cfg::FACTOR_W) {
        copy_x = 0;
        address = address == (KEPT - 1) * FOLDS ? 0 : address + FOLDS;
        if (++x == WIDTH) {
          x = 0;
          copy_y = copy_y == Cfg::FACTOR_H - 1 ? 0 : copy_y + 1;
        }
      }
    }
  }
}

}  // namespace isobit

#endif
